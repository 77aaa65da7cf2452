// How a session of the relay ended: close codes in the relay's own names and in words for a
// person, and whether it may be tried again without anybody asking. Pure.
// 4000-4499 may be tried again, 4500 and above must not (docs/protocol.md, Endings and retries).

// code: [reason, title, remedy, tried again by itself]
const ENDINGS = {
  1000: ["client_closed", "The session was closed.", "", false],
  1002: ["protocol_error", "The relay saw a protocol error.", "Reload the page.", false],
  1003: ["binary", "The relay refused a binary message.", "Reload the page.", false],
  1006: [
    "connection_lost",
    "The connection broke off.",
    "Check the network and whether the relay is running.",
    true,
  ],
  1007: ["invalid_text", "The relay refused invalid text.", "Reload the page.", false],
  1008: [
    "policy_violation",
    "The policy was violated too often.",
    "Each error before named the rule that was broken.",
    false,
  ],
  1009: ["message_too_big", "A message was too big for the relay.", "Reload the page.", false],
  1011: [
    "internal_error",
    "The relay had an internal error.",
    "Its log names the cause. Then connect again.",
    false,
  ],
  1012: ["draining", "The relay is restarting.", "", true],
  4000: ["upstream_lost", "The connection to the model was lost.", "", true],
  4001: ["upstream_unavailable", "The model cannot be reached at the moment.", "", true],
  4002: ["credential_unavailable", "The relay cannot sign in to the model at the moment.", "", true],
  4003: ["slow_client", "This browser did not read fast enough.", "The network may be slow.", true],
  // Trying again by itself would keep an unused session open for ever.
  4004: ["idle_timeout", "Nothing was said for too long.", "Connect again to go on.", false],
  4005: ["rate_limited", "Too many requests.", "", true],
  4006: [
    "too_many_sessions",
    "Too many sessions are open for this user.",
    "Close another tab, or use another name.",
    true,
  ],
  4007: ["slow_upstream", "The model did not read fast enough.", "", true],
  4008: ["store_unavailable", "The relay takes no new sessions at the moment.", "", true],
  4500: ["unauthenticated", "The relay did not accept the sign-in.", "Sign in again.", false],
  4501: ["identity_expired", "The sign-in has expired.", "Sign in again.", false],
  4502: ["revoked", "The sign-in was revoked.", "Ask the operator.", false],
  4503: ["budget_spent", "The budget is spent.", "Ask the operator.", false],
  4504: ["replaced", "The session goes on in another window.", "", false],
  4505: ["ended_by_operator", "The operator ended the session.", "", false],
  4506: [
    "forbidden",
    "This page or user may not connect here.",
    "Ask the operator to add this page's address to RELAY_ALLOWED_ORIGINS.",
    false,
  ],
  4510: [
    "upstream_refused",
    "The relay is not set up correctly.",
    "Ask the operator to run `realtime-relay check`; it names the setting.",
    false,
  ],
};

const TIME_LIMIT = [
  "session_time_limit",
  "The session has reached its time limit.",
  "Connect again to go on.",
  false,
];

/** Endings that this side decided. */
export const CLOSED_HERE = ending("client_closed", "You closed the session.", "", false);
export const NO_SESSION = ending(
  "no_session",
  "The relay accepted the connection, but no session began.",
  "The model may be unreachable; see the relay's log.",
  true,
);

function ending(reason, title, remedy, retry) {
  return { reason, code: reason === "client_closed" ? 1000 : 0, title, remedy, retry, retryAfterMs: null };
}

/** Code 1001 alone says only that the other side goes away: a restart does that too. */
function reachedTimeLimit(code, text, error) {
  return code === 1001 && (error?.code === "session_expired" || /maximum duration/i.test(text));
}

/**
 * @param {number} code close code  @param {string} text the close frame's own
 * @param {{code?: string, message?: string, retry_after_ms?: number}|null} error the last `error`
 * @returns {import("./relay-client.js").Ending}
 */
export function explainClose(code, text = "", error = null) {
  const expired = reachedTimeLimit(code, text, error);
  const known = expired ? TIME_LIMIT : ENDINGS[code === 1001 ? 1012 : code];
  const [reason, words, advice, retry] = known ?? ["unknown", "", "", code >= 4000 && code < 4500];
  const said = expired ? text || error.message : "";
  const title = said || words || text || `The connection was closed with code ${code}.`;
  const remedy = advice || (retry ? "It is tried again." : "");
  return { reason, code, title, remedy, retry, retryAfterMs: error?.retry_after_ms ?? null };
}

/**
 * Why no ticket came out of POST /tickets. `status` 0: there was no answer at all.
 * @returns {import("./relay-client.js").Ending}
 */
export function explainRefusedTicket(status, error = {}, retryAfterMs = null) {
  const retry = status === 429 || status === 503;
  return {
    reason: { 401: "unauthenticated", 403: "forbidden", 429: "rate_limited" }[status] ?? "ticket_refused",
    code: 0,
    title: error.message || `The relay refused a ticket (HTTP ${status}).`,
    remedy: retry ? "It is tried again." : "Sign in again.",
    retry,
    retryAfterMs: error.retry_after_ms ?? retryAfterMs,
  };
}

// Close codes of the relay in words for a person: what happened, what to do, whether the page
// may try again by itself. 4000-4499 may be tried again, 4500 and above must not. Pure.

const WORDS = {
  1000: ["The session was closed.", "", false],
  1002: ["The relay saw a protocol error.", "Reload the page.", false],
  1003: ["The relay refused a binary message.", "Reload the page.", false],
  1006: ["The connection broke off.", "Check the network and whether the relay is running.", true],
  1007: ["The relay refused invalid text.", "Reload the page.", false],
  1008: ["The policy was violated too often.", "See the refused events in the event log.", false],
  1009: ["A message was too big for the relay.", "Reload the page.", false],
  1011: ["The relay had an internal error.", "Its log names the cause. Then connect again.", false],
  1012: ["The relay is restarting.", "", true],
  4000: ["The connection to the model was lost.", "", true],
  4001: ["The model cannot be reached at the moment.", "", true],
  4002: ["The relay cannot sign in to the model at the moment.", "", true],
  4003: ["This browser did not read fast enough.", "The network may be slow.", true],
  // Trying again by itself would keep an unused session open for ever.
  4004: ["Nothing was said for too long.", "Press Talk or type to start a new session.", false],
  4005: ["Too many requests.", "", true],
  4006: ["Too many sessions are open for this name.", "Close another tab, or use another name.", true],
  4007: ["The model did not read fast enough.", "", true],
  4008: ["The relay takes no new sessions at the moment.", "", true],
  4500: ["The relay did not accept the sign-in.", "Check the name in Settings and connect again.", false],
  4501: ["The sign-in has expired.", "Sign in again.", false],
  4502: ["The sign-in was revoked.", "Ask the operator.", false],
  4503: ["The budget is spent.", "Ask the operator.", false],
  4504: ["The session goes on in another window.", "", false],
  4505: ["The operator ended the session.", "", false],
  4506: [
    "This page or user may not connect here.",
    "Ask the operator to add this page's address to RELAY_ALLOWED_ORIGINS.",
    false,
  ],
  4510: [
    "The relay is not set up correctly.",
    "Ask the operator to run `realtime-relay check`; it names the setting.",
    false,
  ],
};

const TIME_LIMIT = ["The session has reached its time limit.", "Start a new one with Reconnect.", false];

/** Code 1001 alone says only that the other side goes away: a restart does that too. */
function reachedTimeLimit(code, reason, error) {
  return code === 1001 && (error?.code === "session_expired" || /maximum duration/i.test(reason));
}

/**
 * @param {number} code close code  @param {string} reason its text
 * @param {{code?: string, message?: string, retry_after_ms?: number}|null} error the last `error`
 * @returns {{code: number, title: string, remedy: string, retry: boolean, retryAfterMs: number|null}}
 */
export function explainClose(code, reason = "", error = null) {
  const expired = reachedTimeLimit(code, reason, error);
  const known = expired ? TIME_LIMIT : WORDS[code === 1001 ? 1012 : code];
  const retry = known ? known[2] : code >= 4000 && code < 4500;
  const said = expired ? reason || error.message : "";
  const title = said || known?.[0] || reason || `The connection was closed with code ${code}.`;
  const remedy = known?.[1] || (retry ? "The page tries again by itself." : "");
  return { code, title, remedy, retry, retryAfterMs: error?.retry_after_ms ?? null };
}

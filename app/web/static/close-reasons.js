// What a person can do on this page when a session has ended. What happened is said by
// relay-client/close-reasons.js, for any page; these name the buttons of this one.

const REMEDIES = {
  session_time_limit: "Start a new one with Reconnect.",
  idle_timeout: "Press Talk or type to start a new session.",
  policy_violation: "See the refused events in the event log.",
  unauthenticated: "Check the name in Settings and connect again.",
  ticket_refused: "Check the name in Settings and connect again.",
};

/** @param {import("./relay-client/relay-client.js").Ending} why */
export function withRemedy(why) {
  return { ...why, remedy: REMEDIES[why.reason] ?? why.remedy };
}

// How this page reaches the relay: by relay-client's RelaySocket, as the user whose name stands in
// Settings. Nobody who opens the page has a token; the relay believes names in development.

import { RelaySocket } from "./relay-client/relay-client.js";

/** @param {() => string} name of the user, asked at each attempt */
export function reachRelay(name) {
  return new RelaySocket({ token: () => `dev-${name()}` });
}

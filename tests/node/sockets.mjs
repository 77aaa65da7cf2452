// RelaySockets of a test file: whatever a failed test leaves open is closed, so that Node can end.

import { after } from "node:test";
import { RelaySocket } from "../../app/web/static/relay-client/relay-client.js";

const opened = [];

export function open(options) {
  opened.push(new RelaySocket(options));
  return opened.at(-1);
}

/** The first thing of a type that a socket tells. */
export function heard(relay, type) {
  return new Promise((resolve) => {
    const off = relay.on(type, (news) => (off(), resolve(news)));
  });
}

after(() => opened.forEach((relay) => relay.close()));

// The events of a RelaySocket as an async iterator: what comes while the loop is busy waits.

/** @param {import("./relay-socket.js").RelaySocket} relay */
export function eventsOf(relay) {
  const waiting = [];
  let over = relay.state === "ended";
  let wake = () => {};
  const offs = [
    relay.on("*", (event) => (waiting.push(event), wake())),
    relay.on("state", ({ state }) => {
      over = state === "ended";
      wake();
    }),
  ];
  const finish = () => {
    over = true;
    waiting.length = 0;
    for (const off of offs) off();
    wake();
    return { value: undefined, done: true };
  };
  return {
    next: async () => {
      while (waiting.length === 0 && !over) await new Promise((resolve) => (wake = resolve));
      return waiting.length > 0 ? { value: waiting.shift(), done: false } : finish();
    },
    return: async () => finish(),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

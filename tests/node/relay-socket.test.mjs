// RelaySocket alone, over real sockets: the scripted relay of scripted_relay.py ends as its ticket
// says, RELAY is a real one with development sign-in.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { heard, open } from "./sockets.mjs";

const { SCRIPTED, RELAY } = process.env;
const ENDINGS = JSON.parse(process.env.ENDINGS); // [code, reasons, retry] of the relay's own table

const scripted = (ticket, more = {}) => open({ url: SCRIPTED, ticket: () => ticket, tries: 0, ...more });

const typed = (text) => ({
  type: "conversation.item.create",
  item: { type: "message", role: "user", content: [{ type: "input_text", text }] },
});

describe("how it ends", { concurrency: true }, () => {
  for (const [code, reasons, retry] of ENDINGS) {
    test(`close code ${code} is ${reasons}`, async () => {
      const relay = scripted(`close.${code}`);
      await relay.connect();
      const ending = await relay.closed;
      assert.ok(reasons.includes(ending.reason), ending.reason);
      assert.equal(ending.code, code);
      assert.equal(ending.retry, retry);
      assert.ok(ending.title);
      assert.equal(relay.state, "ended");
      assert.equal(relay.send({ type: "response.create" }), false);
    });
  }

  test("codes of a later version keep to their range", async () => {
    for (const [code, retry] of [[4042, true], [4542, false]]) {
      const ending = await ended(scripted(`close.${code}`));
      assert.deepEqual([ending.reason, ending.retry], ["unknown", retry]);
      assert.equal(ending.title, "of a later version");
    }
  });

  test("a broken connection is told from a closed one", async () => {
    const ending = await ended(scripted("abort"));
    assert.deepEqual([ending.reason, ending.code, ending.retry], ["connection_lost", 1006, true]);
  });

  test("a refused handshake rejects connect() with the same ending", async () => {
    const relay = scripted("refuse.4506");
    const why = await relay.connect().then(assert.fail, (ending) => ending);
    assert.deepEqual([why.reason, why.retry], ["forbidden", false]);
    assert.equal(await relay.closed, why);
  });

  test("what the relay asks to wait comes from its error", async () => {
    const ending = await ended(scripted("close.4005.1234"));
    assert.deepEqual([ending.reason, ending.retryAfterMs], ["rate_limited", 1234]);
  });

  test("close() ends it at once and for good", async () => {
    const relay = scripted("talk", { tries: 6 });
    await relay.connect();
    const ending = await relay.close();
    assert.deepEqual([ending.reason, ending.code, ending.retry], ["client_closed", 1000, false]);
    assert.equal(relay.session, null);
  });

  test("an address where nothing listens is said in words", async () => {
    const relay = open({ url: "http://127.0.0.1:1", token: "dev-ada", tries: 0 });
    const why = await relay.connect().then(assert.fail, (ending) => ending);
    assert.deepEqual([why.reason, why.code, why.retry], ["unreachable", 0, true]);
  });

  test("a ticket that no WebSocket can carry is not tried again", async () => {
    const relay = scripted("not a ticket", { tries: 6 });
    const why = await relay.connect().then(assert.fail, (ending) => ending);
    assert.deepEqual([why.reason, why.retry], ["unusable", false]);
  });
});

describe("trying again", { concurrency: true }, () => {
  test("with a fresh ticket, after a pause, where the code allows it", async () => {
    const tickets = ["close.4001", "talk"];
    const relay = open({ url: SCRIPTED, ticket: async () => tickets.shift() });
    const states = [];
    relay.on("state", ({ state }) => states.push(state));
    await relay.connect();
    const { why } = await heard(relay, "state");
    assert.equal(why.reason, "upstream_unavailable");
    assert.ok(why.pauseMs >= 800 && why.pauseMs <= 1200, `${why.pauseMs} ms`);
    await relay.connect();
    const attempt = ["ticket", "connecting", "ready"];
    // connect() in a pause does not wait for its end.
    assert.deepEqual(states, [...attempt, "waiting", ...attempt]);
    assert.deepEqual(tickets, []);
    await relay.close();
  });

  test("by itself, no sooner than the relay asks", async () => {
    const tickets = ["close.4006.1600", "talk"];
    const relay = open({ url: SCRIPTED, ticket: () => tickets.shift() });
    await relay.connect();
    assert.equal((await heard(relay, "state")).state, "waiting");
    const began = performance.now();
    await heard(relay, "session.created");
    assert.ok(performance.now() - began > 1500);
    await relay.close();
  });

  test("never where it is not allowed", async () => {
    let asked = 0;
    const relay = open({ url: SCRIPTED, ticket: () => ((asked += 1), "close.4500") });
    assert.equal((await ended(relay)).reason, "unauthenticated");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.equal(asked, 1);
  });

  test("as often as was asked for, and then it says so", async () => {
    const ending = await ended(scripted("refuse.4000", { tries: 1 }));
    assert.equal(ending.reason, "upstream_lost");
    assert.match(ending.remedy, /^1 more tries failed/);
  });

  test("not where your own function says no", async () => {
    const signedOut = Object.assign(new Error("Nobody is signed in."), { retry: false });
    const relay = open({ url: SCRIPTED, ticket: () => Promise.reject(signedOut) });
    const why = await relay.connect().then(assert.fail, (ending) => ending);
    assert.deepEqual([why.reason, why.title, why.cause], ["no_credential", signedOut.message, signedOut]);
  });

  test("not after a close() that came while a ticket was on its way", async () => {
    let give;
    const relay = open({ url: SCRIPTED, ticket: () => new Promise((resolve) => (give = resolve)) });
    const connecting = relay.connect();
    relay.close();
    give("talk");
    assert.equal((await connecting.then(assert.fail, (why) => why)).reason, "client_closed");
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(relay.state, "ended");
  });
});

describe("a session of a real relay", { concurrency: true }, () => {
  for (const [dialect, delta] of [["preview", "response.audio.delta"], ["ga", "response.output_audio.delta"]]) {
    test(`a typed turn in ${dialect}, read as a stream`, async () => {
      const relay = open({ url: RELAY, token: async () => "dev-ada", dialect });
      const [ticket, about] = [heard(relay, "ticket"), heard(relay, "relay.session")];
      await relay.connect();
      assert.equal((await about).profile, "guided");
      assert.equal((await ticket).relay.upstream, "embedded");
      assert.equal((await ticket).value, undefined);
      assert.ok(relay.session.id);
      assert.ok(relay.send(typed("Who are you?")));
      assert.ok(relay.send({ type: "response.create" }));
      const types = new Set();
      for await (const event of relay) {
        types.add(event.type);
        if (event.type === "response.done") break;
      }
      assert.ok(types.has(delta), [...types].join());
      await relay.close();
    });
  }

  test("a refused credential ends with the relay's own words", async () => {
    const relay = open({ url: RELAY, token: "nobody" });
    const why = await relay.connect().then(assert.fail, (ending) => ending);
    assert.deepEqual([why.reason, why.code, why.retry], ["unauthenticated", 0, false]);
    assert.notEqual(why.title, "");
  });

  test("a loop over events ends with the connection, after the last event", async () => {
    const relay = scripted("close.4004");
    const types = [];
    const reading = (async () => {
      for await (const { type } of relay) types.push(type);
    })();
    await relay.connect();
    await reading;
    assert.deepEqual(types, ["session.created", "error"]);
  });

  test("a model and a prefix stand in the address", async () => {
    const relay = open({ url: `${SCRIPTED}/behind/`, ticket: () => "talk", model: "a b" });
    const created = heard(relay, "session.created");
    await relay.connect();
    assert.equal((await created).asked, "/behind/ws?model=a%20b");
    await relay.close();
  });

  test("a listener can be taken off", async () => {
    const relay = scripted("talk");
    let count = 0;
    const off = relay.on("echo", () => (count += 1));
    await relay.connect();
    for (let i = 0; i < 2; i += 1) {
      const back = heard(relay, "echo");
      relay.send({ type: "echo" });
      await back;
      off();
    }
    assert.equal(count, 1);
    await relay.close();
  });
});

async function ended(relay) {
  relay.connect().catch(() => {});
  return relay.closed;
}

// A conversation that is longer than its user's token. PROVIDED is a relay that believes an issuer
// of the test's own, TOKENS are of that issuer; the first holds for a few seconds.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { heard, open } from "./sockets.mjs";

const { SCRIPTED, PROVIDED } = process.env;
const { first, next, foreign } = JSON.parse(process.env.TOKENS);

describe("a sign-in that runs out", { concurrency: true }, () => {
  test("is renewed with a fresh ticket, and the conversation outlives it", async () => {
    const tokens = [first, next];
    const relay = open({ url: PROVIDED, token: () => tokens.shift() });
    const sent = [];
    relay.on("sent", (event) => sent.push(event));
    const warned = heard(relay, "relay.warning");
    await relay.connect();
    const { expiresAt, error } = await heard(relay, "identity");
    assert.equal(error, null);
    assert.equal((await warned).limit, "identity");
    assert.ok(expiresAt > Date.now() / 1000 + 300);
    assert.deepEqual(sent.map(({ type, token }) => [type, token]), [["relay.identity.update", "(not shown)"]]);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    assert.equal(relay.state, "ready");
    await relay.close();
  });

  test("with somebody else's token tells so, and ends with its own", async () => {
    const relay = open({ url: PROVIDED, token: first, identity: () => foreign });
    await relay.connect();
    const { error } = await heard(relay, "identity");
    assert.equal(error.code, "identity_mismatch");
    assert.equal((await relay.closed).reason, "identity_expired");
  });

  test("and cannot be renewed tells why", async () => {
    const gone = new Error("Signed out elsewhere.");
    const relay = open({ url: PROVIDED, token: first, identity: () => Promise.reject(gone) });
    await relay.connect();
    assert.equal((await heard(relay, "identity")).error, gone);
    await relay.close();
  });

  test("is shown again after the pause that the relay asks for", async () => {
    // The scripted relay sends back what it gets, so the test speaks for both sides.
    const proofs = ["one", "two"];
    const relay = open({ url: SCRIPTED, ticket: () => "talk", identity: () => proofs.shift() });
    await relay.connect();
    const shown = heard(relay, "relay.identity.update");
    relay.send({ type: "relay.warning", limit: "identity", remaining_ms: 1000 });
    const { event_id, token } = await shown;
    assert.equal(token, "one");
    const again = heard(relay, "relay.identity.update");
    const began = performance.now();
    relay.send({ type: "error", error: { code: "identity_unavailable", event_id, retry_after_ms: 300 } });
    assert.equal((await again).token, "two");
    assert.ok(performance.now() - began > 290);
    const news = heard(relay, "identity");
    relay.send({ type: "relay.identity.updated", expires_at: 42 });
    assert.deepEqual(await news, { expiresAt: 42, error: null });
    await relay.close();
  });
});

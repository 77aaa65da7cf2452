// Walks from the page to the model and back to the ear, and says at each step what was found and
// what to do about it. Each step answers {status: "ok"|"unknown"|"warn"|"bad", found, remedy}; a
// step that throws is "bad" with the error's words. Steps do not depend on the order of the page's wiring.

import { withRemedy } from "./close-reasons.js";

const HEAR_MS = 4000;
const SOUND_MS = 3000;
const TONE_ITEM = "self-check";

const ok = (found) => ({ status: "ok", found, remedy: "" });
const unknown = (found) => ({ status: "unknown", found, remedy: "" });
const warn = (found, remedy) => ({ status: "warn", found, remedy });
const bad = (found, remedy) => ({ status: "bad", found, remedy });
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function checkPage() {
  if (!window.isSecureContext) {
    return bad(
      "The page came over plain http from another machine.",
      "Open it over https, or on localhost: browsers give no microphone otherwise.",
    );
  }
  if (typeof AudioWorkletNode === "undefined" || !navigator.mediaDevices) {
    return bad(
      "This browser lacks AudioWorklet or microphone access.",
      "Use a current Chrome, Edge, Firefox or Safari.",
    );
  }
  return ok(
    location.protocol === "https:" ? "Served over https." : "Served from localhost, which counts as secure.",
  );
}

async function checkContext({ sound, output }) {
  try {
    await output.open();
  } catch (problem) {
    if (problem.kind !== "suspended") throw problem;
    return bad(
      `The audio context is ${sound.state}.`,
      "Press Run again; on a phone, end a call that holds the sound.",
    );
  }
  return ok(`Running at ${sound.context.sampleRate} Hz.`);
}

/** Before the browser was asked it may not say; once the microphone was open, it is allowed. */
async function checkPermission(parts, results) {
  const opened = ["ok", "warn"].includes(results.microphone?.status);
  let state = "prompt";
  try {
    state = (await navigator.permissions.query({ name: "microphone" })).state;
  } catch {
    if (!opened) return unknown("This browser does not tell before it asks.");
  }
  if (state === "denied") {
    return bad(
      "The microphone is blocked for this page.",
      "Click the icon left of the address, allow the microphone, and run this again.",
    );
  }
  return state === "granted" || opened ? ok("Allowed.") : unknown("Not asked yet: the browser will ask.");
}

async function checkMicrophone({ input, device }, results) {
  if (results.permission.status === "bad") {
    return { status: "waiting", found: "Not tried: the microphone is blocked.", remedy: "" };
  }
  const mine = !input.running;
  if (mine) await input.open({ deviceId: device() });
  try {
    const level = await listen(input);
    const name = input.label || "the microphone";
    if (level > 0.1) return ok(`${name} hears sound.`);
    if (level > 0)
      return warn(
        `${name} is open, but it is very quiet.`,
        "Say something while this runs; look for a mute switch or a low input level.",
      );
    return warn(
      `${name} delivers pure silence.`,
      "Look for a mute switch on it, or choose another microphone in Settings.",
    );
  } finally {
    if (mine) input.close();
  }
}

/** The loudest moment within HEAR_MS; comes back early once something was clearly heard. */
async function listen(input) {
  let loudest = 0;
  for (let waited = 0; waited < HEAR_MS && loudest < 0.35; waited += 50) {
    await pause(50);
    loudest = Math.max(loudest, input.level);
  }
  return loudest;
}

async function checkRelay() {
  let answer;
  try {
    answer = await fetch("/readyz", { cache: "no-store", signal: AbortSignal.timeout(5000) });
  } catch {
    return bad("The relay does not answer.", "Start it with `make run`, and check the address of this page.");
  }
  if (answer.ok) return ok("/readyz says that it takes sessions.");
  return bad(
    `/readyz says ${answer.status}: it takes no sessions at the moment.`,
    "It may be draining before a restart. Wait, then run this again.",
  );
}

async function checkSession({ socket }) {
  const had = socket.state === "ready";
  try {
    await socket.connect();
  } catch (why) {
    return bad(why.title, withRemedy(why).remedy);
  }
  return ok(had ? "A session is open." : "Signed in, socket open.");
}

function checkUpstream({ socket, session, relay }) {
  if (socket.state !== "ready" || !session.session) {
    return bad("There is no session with the model.", "Solve the step above first.");
  }
  const name = { embedded: "the embedded upstream", azure: "Azure OpenAI" }[relay()?.upstream] ?? "upstream";
  return ok(
    `session.created came from ${name}, model ${session.session.model}, voice ${session.session.voice}.`,
  );
}

/** Two soft notes through the same worklet that plays answers; counts what was really played. */
async function checkSound({ output, sound }) {
  if (sound.state !== "running") return bad("The audio context does not run.", "Press Run again.");
  if (output.busy) return ok("An answer is playing.");
  const finished = new Promise((resolve) => {
    const off = output.on("finished", ({ heardMs }) => (off(), resolve(heardMs)));
  });
  output.play(TONE_ITEM, tone());
  output.end(TONE_ITEM);
  const played = await Promise.race([finished, pause(SOUND_MS).then(() => null)]);
  if (played === null) {
    await output.clear();
    return bad("The test tone was not played.", "Choose another speaker, or reload the page.");
  }
  return ok(
    `A tone of ${Math.round(played)} ms was played. If you did not hear it, raise the volume or choose another speaker.`,
  );
}

function tone() {
  const rate = 24000;
  const samples = new Int16Array(rate * 0.5);
  for (let i = 0; i < samples.length; i += 1) {
    const seconds = i / rate;
    const pitch = seconds < 0.22 ? 523.25 : 659.25;
    const fade = Math.sin((Math.PI * i) / samples.length);
    samples[i] = 5000 * fade * Math.sin(2 * Math.PI * pitch * seconds);
  }
  return samples.buffer;
}

export const STEPS = [
  { id: "page", title: "The page may use sound", run: checkPage },
  { id: "context", title: "Sound is running", run: checkContext },
  { id: "permission", title: "The microphone is allowed", run: checkPermission },
  { id: "microphone", title: "The microphone hears you", run: checkMicrophone },
  { id: "relay", title: "The relay is up", run: checkRelay },
  { id: "session", title: "Ticket and socket", run: checkSession },
  { id: "upstream", title: "The model is ready", run: checkUpstream },
  { id: "sound", title: "You can hear", run: checkSound },
];

/**
 * Run all steps in order; `report(id, result)` is called with {status: "running"} and then with
 * each result. Call inside a tap. `parts`: sound, input, output, socket, session, device, relay.
 */
export async function runSelfCheck(parts, report) {
  const results = {};
  for (const { id, run } of STEPS) {
    report(id, { status: "running", found: id === "microphone" ? "Say something…" : "", remedy: "" });
    let result;
    try {
      result = await run(parts, results);
    } catch (error) {
      result = bad(error.message || String(error), error.remedy || "Reload the page and run this again.");
    }
    results[id] = result;
    report(id, result);
    if (id === "microphone" && results.permission.status === "unknown") {
      results.permission = await checkPermission(parts, results);
      report("permission", results.permission);
    }
  }
  return Object.values(results);
}

// What every client in JavaScript does, in Node and in a page: the same steps, told in the same
// lines, as `scenario.py`. `converse` knows neither Node nor the browser: `tell` and `given` come
// from whoever calls it.

const TURNS = 12;
const PATIENCE_MS = 40_000;
const QUESTION = "What is the capital of France?";
const TOOL_QUESTION = "What is the weather in Oslo?";
export const TOOL_OUTPUT = "Rain and 7 degrees";
export const VOICE = "sage";
export const MODEL = "gpt-realtime";
export const PARAMETERS = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
};
export const DESCRIPTION = "Current weather in a city.";

/** Leads `talk` through the conversation; `given.speech` is pcm16 in base64. */
export async function converse(talk, given, tell) {
  const pcm = Uint8Array.from(atob(given.speech), (sign) => sign.charCodeAt(0));
  const steps = [
    ["connect", () => talk.connect(given.address)],
    ["configure", () => talk.configure()],
    ["text", () => talk.write(QUESTION)],
    ["audio", () => talk.speak(pcm)],
    ["tool", () => talk.askTool(TOOL_QUESTION)],
    ["interruptions", () => talk.interrupt(pcm, TURNS)],
    ["close", () => talk.close()],
    ["connect again", () => talk.connect(given.expiring)],
    ["expiry", () => talk.expire()],
  ];
  for (const [step, does] of steps) {
    if (given.without?.includes(step)) continue;
    try {
      const evidence = await within(does(), step);
      await tell({ step, errors: talk.errors.splice(0), ...evidence });
    } catch (error) {
      await tell({ step, failed: String(error?.stack ?? error), errors: talk.errors });
      return false;
    }
  }
  return true;
}

function within(promise, step) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${step}: too late`)), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

const PREVIEW_TO_GA = [
  ["response.audio_transcript.", "response.output_audio_transcript."],
  ["response.audio.", "response.output_audio."],
  ["response.text.", "response.output_text."],
];

/** Events in order, and waits for them. */
export class Inbox {
  events = [];
  waiting = null;

  put(event) {
    this.events.push(event);
    this.waiting?.();
  }

  async next() {
    while (!this.events.length) {
      await new Promise((resolve) => (this.waiting = resolve));
    }
    return this.events.shift();
  }

  /** The next event of one of these types; the connection's end (null) is an error here. */
  async until(...kinds) {
    for (;;) {
      const event = await this.next();
      if (event === null) throw new Error(`closed while waiting for ${kinds}`);
      if (kinds.includes(event.type)) return event;
    }
  }

  async over() {
    while ((await this.next()) !== null);
  }
}

export function base64(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** The audio in pieces of 100 ms, about as a microphone hands them over but twice as fast. */
export async function* spoken(pcm) {
  for (let at = 0; at < pcm.length; at += 4_800) {
    yield pcm.slice(at, at + 4_800);
    await new Promise((resolve) => setTimeout(resolve, 45));
  }
}

/** For SDKs that hand every event to the application. `send(event)` is the SDK's own. */
export class RawTalk {
  errors = [];
  inbox = new Inbox();

  hear(event) {
    for (const [old, now] of PREVIEW_TO_GA) {
      if (event.type.startsWith(old)) event = { ...event, type: event.type.replace(old, now) };
    }
    this.inbox.put(event);
  }

  async configure() {
    this.send({ type: "session.update", session: this.settings() });
    const { session } = await this.inbox.until("session.updated");
    const voice = session.voice ?? session.audio?.output?.voice;
    return { voice, tools: (session.tools ?? []).map((tool) => tool.name) };
  }

  ask(text) {
    const content = [{ type: "input_text", text }];
    this.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
    this.send({ type: "response.create" });
  }

  async answer() {
    const heard = { said: "", audio_bytes: 0, calls: [] };
    for (;;) {
      const event = await this.inbox.until(
        "response.output_audio.delta",
        "response.output_audio_transcript.done",
        "response.output_text.done",
        "response.function_call_arguments.done",
        "response.done",
      );
      if (event.type === "response.output_audio.delta") heard.audio_bytes += atob(event.delta).length;
      if (event.type === "response.output_audio_transcript.done") heard.said += event.transcript;
      if (event.type === "response.output_text.done") heard.said += event.text;
      if (event.type === "response.function_call_arguments.done") heard.calls.push(event);
      if (event.type === "response.done") return { ...heard, status: event.response.status };
    }
  }

  async write(text) {
    this.ask(text);
    const { said, audio_bytes } = await this.answer();
    return { said, audio_bytes };
  }

  async say(pcm) {
    for await (const part of spoken(pcm)) this.send({ type: "input_audio_buffer.append", audio: base64(part) });
  }

  async speak(pcm) {
    await this.say(pcm);
    await this.inbox.until("input_audio_buffer.speech_started");
    await this.inbox.until("input_audio_buffer.speech_stopped");
    await this.inbox.until("input_audio_buffer.committed");
    const { said, audio_bytes } = await this.answer();
    return { said, audio_bytes };
  }

  async askTool(text) {
    this.ask(text);
    const [call] = (await this.answer()).calls;
    const item = { type: "function_call_output", call_id: call.call_id, output: TOOL_OUTPUT };
    this.send({ type: "conversation.item.create", item });
    this.send({ type: "response.create" });
    const { said, audio_bytes } = await this.answer();
    return { called: call.name, arguments: JSON.parse(call.arguments), said, audio_bytes };
  }

  async interrupt(pcm, times) {
    const reasons = [];
    await this.say(pcm);
    for (let turn = 0; turn < times; turn += 1) {
      const playing = await this.inbox.until("response.output_audio.delta");
      await this.say(pcm);
      await this.inbox.until("input_audio_buffer.speech_started");
      const { response } = await this.inbox.until("response.done");
      reasons.push(response.status_details?.reason);
      const item = { item_id: playing.item_id, content_index: 0, audio_end_ms: 100 };
      this.send({ type: "conversation.item.truncate", ...item });
      await this.inbox.until("conversation.item.truncated");
    }
    const last = (await this.answer()).status;
    return { interrupted: reasons.filter((reason) => reason === "turn_detected").length, last };
  }
}

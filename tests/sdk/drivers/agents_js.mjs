// @openai/agents-realtime with its WebSocket transport.

import { DESCRIPTION, Inbox, MODEL, PARAMETERS, spoken, TOOL_OUTPUT, VOICE } from "./scenario.mjs";
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from "@openai/agents-realtime";

class AgentsJs {
  errors = [];
  inbox = new Inbox();
  calls = [];

  constructor(given) {
    this.given = given;
  }

  agent() {
    const weather = tool({
      name: "get_weather",
      description: DESCRIPTION,
      parameters: { ...PARAMETERS, additionalProperties: true },
      strict: false,
      execute: async (input) => {
        this.calls.push(input);
        return TOOL_OUTPUT;
      },
    });
    return new RealtimeAgent({ name: "Guide", instructions: "Rhyme.", voice: VOICE, tools: [weather] });
  }

  async connect(address) {
    this.inbox.events.length = 0;
    const url = `${address.replace("https:", "wss:")}/v1/realtime?model=${MODEL}`;
    const transport = new OpenAIRealtimeWebSocket({ url });
    const config = { audio: { input: { turnDetection: { type: "server_vad", interruptResponse: true } } } };
    this.session = new RealtimeSession(this.agent(), { transport, model: MODEL, config });
    this.session.on("transport_event", (event) => this.inbox.put(event));
    this.session.on("audio", ({ data }) => this.inbox.put({ type: "audio", bytes: data.byteLength }));
    this.session.on("audio_interrupted", () => this.inbox.put({ type: "audio_interrupted" }));
    this.session.on("error", ({ error }) => this.errors.push(JSON.stringify(error?.error ?? error)));
    transport.on("connection_change", (status) => status === "disconnected" && this.inbox.put(null));
    const { mint, credential } = this.given;
    await this.session.connect({ apiKey: mint ? await mint(address) : credential, model: MODEL, url });
    return {};
  }

  async configure() {
    // Two updates went out with the connection: the settings, and tracing.
    await this.inbox.until("session.updated");
    const { session } = await this.inbox.until("session.updated");
    return { voice: session.audio.output.voice, tools: session.tools.map((one) => one.name) };
  }

  async answer() {
    const heard = { said: "", audio_bytes: 0 };
    for (;;) {
      const event = await this.inbox.until("audio", "response.output_audio_transcript.done", "response.done");
      if (event.type === "audio") heard.audio_bytes += event.bytes;
      else if (event.type === "response.done") return { ...heard, status: event.response.status };
      else heard.said += event.transcript;
    }
  }

  async write(text) {
    this.session.sendMessage(text);
    const { said, audio_bytes } = await this.answer();
    return { said, audio_bytes };
  }

  async say(pcm) {
    for await (const part of spoken(pcm)) this.session.sendAudio(part.buffer);
  }

  async speak(pcm) {
    await this.say(pcm);
    await this.inbox.until("input_audio_buffer.speech_started");
    const { said, audio_bytes } = await this.answer();
    return { said, audio_bytes };
  }

  async askTool(text) {
    this.session.sendMessage(text);
    await this.answer();
    const { said, audio_bytes } = await this.answer();
    return { called: "get_weather", arguments: this.calls[0], said, audio_bytes };
  }

  async interrupt(pcm, times) {
    let interrupted = 0;
    await this.say(pcm);
    for (let turn = 0; turn < times; turn += 1) {
      await this.inbox.until("audio");
      await this.say(pcm);
      await this.inbox.until("audio_interrupted");
      const { response } = await this.inbox.until("response.done");
      if (response.status_details?.reason === "turn_detected") interrupted += 1;
      await this.inbox.until("conversation.item.truncated");
    }
    const last = (await this.answer()).status;
    return { interrupted, last };
  }

  async close() {
    this.session.close();
    await this.inbox.over();
    return {};
  }

  async expire() {
    await this.inbox.over();
    return {};
  }
}

export const make = (given) => new AgentsJs(given);

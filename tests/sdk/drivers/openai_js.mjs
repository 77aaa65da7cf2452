// The OpenAI package for JavaScript: `ws` and the runtime's own WebSocket, GA and beta.
// `form`: "ws", "ws azure", "ws beta", "native".

import { DESCRIPTION, MODEL, PARAMETERS, RawTalk, VOICE } from "./scenario.mjs";
import OpenAI, { AzureOpenAI } from "openai";

export class OpenAiJs extends RawTalk {
  constructor(given) {
    super();
    this.given = given;
    this.beta = given.form === "ws beta";
  }

  settings() {
    const weather = { type: "function", name: "get_weather", description: DESCRIPTION };
    const ours = { instructions: "Rhyme.", tools: [{ ...weather, parameters: PARAMETERS }] };
    if (this.beta) return { ...ours, voice: VOICE };
    const audio = { input: { turn_detection: { type: "server_vad" } }, output: { voice: VOICE } };
    return { ...ours, type: "realtime", audio };
  }

  async open(address) {
    const { form, credential: apiKey, mint } = this.given;
    if (form === "native") {
      const { OpenAIRealtimeWebSocket } = await import("openai/realtime/websocket");
      const baseURL = `${address}/v1`;
      let key;
      if (mint) key = await mint(address);
      else key = (await new OpenAI({ baseURL, apiKey }).realtime.clientSecrets.create({})).value;
      const client = new OpenAI({ baseURL, apiKey: key, dangerouslyAllowBrowser: true });
      return new OpenAIRealtimeWebSocket({ model: MODEL }, client);
    }
    if (form === "ws beta") {
      const { OpenAIRealtimeWS } = await import("openai/beta/realtime/ws");
      return new OpenAIRealtimeWS({ model: MODEL }, new OpenAI({ baseURL: `${address}/v1`, apiKey }));
    }
    const { OpenAIRealtimeWS } = await import("openai/realtime/ws");
    if (form === "ws") {
      return new OpenAIRealtimeWS({ model: MODEL }, new OpenAI({ baseURL: `${address}/v1`, apiKey }));
    }
    const azure = new AzureOpenAI({ endpoint: address, apiKey, apiVersion: "2025-04-01-preview" });
    return OpenAIRealtimeWS.azure(azure, { deploymentName: MODEL });
  }

  async connect(address) {
    this.inbox.events.length = 0;
    this.realtime = await this.open(address);
    this.realtime.on("event", (event) => this.hear(event));
    this.realtime.on("error", (error) => this.errors.push(JSON.stringify(error.error ?? error.message)));
    this.realtime.socket.addEventListener("close", ({ code }) => {
      this.closeCode = code;
      this.inbox.put(null);
    });
    const { session } = await this.inbox.until("session.created");
    return { session: session.id };
  }

  send(event) {
    this.realtime.send(event);
  }

  async close() {
    this.realtime.close();
    await this.inbox.over();
    return { close_code: this.closeCode };
  }

  async expire() {
    await this.inbox.over();
    return { close_code: this.closeCode };
  }
}

export const make = (given) => new OpenAiJs(given);

// What SDKs refuse in a page before they dial, by their own design.
// `form`: "azure" (native WebSocket with AzureOpenAI), "key" (OpenAI with a key that is no ticket),
// "agents key" (the same with agents).

import { MODEL } from "./scenario.mjs";

async function dial({ form, credential: apiKey }, address) {
  const baseURL = `${address}/v1`;
  if (form === "agents key") {
    const { OpenAIRealtimeWebSocket } = await import("@openai/agents-realtime");
    const url = `${baseURL.replace("https:", "wss:")}/realtime?model=${MODEL}`;
    return new OpenAIRealtimeWebSocket({ url }).connect({ apiKey, model: MODEL });
  }
  const { default: OpenAI, AzureOpenAI } = await import("openai");
  const { OpenAIRealtimeWebSocket } = await import("openai/realtime/websocket");
  if (form === "key") {
    return new OpenAIRealtimeWebSocket({ model: MODEL }, new OpenAI({ baseURL, apiKey }));
  }
  const given = { endpoint: address, apiKey, apiVersion: "2025-04-01-preview" };
  const azure = new AzureOpenAI({ ...given, dangerouslyAllowBrowser: true });
  return OpenAIRealtimeWebSocket.azure(azure, { deploymentName: MODEL });
}

export const make = (given) => ({
  errors: [],
  async connect(address) {
    try {
      await dial(given, address);
    } catch (error) {
      return { refused: String(error?.message ?? error) };
    }
    return { refused: "" };
  },
});

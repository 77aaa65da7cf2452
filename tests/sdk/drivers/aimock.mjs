// npm `@copilotkit/aimock` as an upstream that nobody here wrote: GA, text and tools, and a journal
// of what it received (GET /__aimock/journal). One line says where it listens; it ends with its
// standard input.

import { LLMock } from "@copilotkit/aimock";

const mock = new LLMock({ port: 0, host: "127.0.0.1" });
mock.on({ userMessage: "capital", hasToolResult: false }, { content: "Paris, says the judge." });
mock.on(
  { userMessage: "weather", hasToolResult: false },
  { toolCalls: [{ name: "get_weather", arguments: '{"city":"Oslo"}' }] },
);
mock.on({ hasToolResult: true }, { content: "The judge heard of the rain." });
await mock.start();
process.stdout.write(`${JSON.stringify({ address: mock.url })}\n`);
process.stdin.on("end", () => process.exit(0)).resume();

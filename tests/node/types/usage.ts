// How an app would use the types; compiled by tsc, never run. What must not compile is marked.

import { AudioIn, AudioOut, RelaySocket, SoundContext, explainClose, listDevices } from "relay-client";
import type { Ending, Frame, RelayEvent } from "relay-client";

const relay = new RelaySocket({ url: "https://relay.example.com", ticket: async () => "ek_1", tries: 3 });
new RelaySocket({ token: () => "t", dialect: "ga", model: "fast", identity: async () => "t2" });
// @ts-expect-error there is no such dialect
new RelaySocket({ token: "t", dialect: "beta" });

relay.on("state", ({ state, why }) => {
  const code: number | undefined = why?.code;
  // @ts-expect-error no state has this name
  if (state === "open") console.log(code);
});
const off = relay.on("response.done", (event: RelayEvent) => console.log(event.response.status));
off();
relay.on("identity", ({ expiresAt }) => console.log((expiresAt ?? 0) + 1));

async function talk(stream: MediaStream): Promise<Ending> {
  const sound = new SoundContext({ sampleRate: 44_100, worklets: "/assets/" });
  const input = new AudioIn({ relay, sound, format: "g711_ulaw" });
  const output = new AudioOut({ relay, sound });
  input.on("frame", (frame: Frame) => frame.audio.byteLength + frame.peak);
  input.on("lost", (problem) => problem.remedy);
  await Promise.all([output.open(), input.open({ stream }), relay.connect()]);
  output.volume = 0.5;
  output.on("interrupted", ({ item, heardMs }) => console.log(item, heardMs));
  if (await input.release()) relay.send({ type: "response.create" });
  const [camera] = (await listDevices()).microphones;
  await input.open({ deviceId: camera?.deviceId ?? "" });
  for await (const event of relay) if (event.type === "error") break;
  // @ts-expect-error an event has a type
  relay.send({ audio: "" });
  return relay.closed;
}

const ending: Ending = explainClose(4004, "", { code: "session_expired" });
if (ending.reason === "idle_timeout") void talk;
// @ts-expect-error no ending has this reason
if (ending.reason === "idle") void talk;

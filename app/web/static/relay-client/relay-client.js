// The relay's client for web pages: an ES module without dependencies. Each class can be used
// alone; docs/client.md describes them, relay-client.d.ts has their types.
//
//   microphone  -> AudioIn  -> RelaySocket -> relay
//   loudspeaker <- AudioOut <- RelaySocket <- relay

export { AudioIn, listDevices } from "./audio-in.js";
export { AudioOut } from "./audio-out.js";
export { explainClose } from "./close-reasons.js";
export { Problem } from "./problem.js";
export { RelaySocket } from "./relay-socket.js";
export { SoundContext } from "./sound-context.js";

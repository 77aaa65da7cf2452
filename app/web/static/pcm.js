// Sizes of pcm16 as base64, for the event log. Pure.

const API_RATE = 24000;

/** Length in bytes of what a base64 text holds, without decoding it. */
export function base64Bytes(text) {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return (text.length / 4) * 3 - padding;
}

/** Milliseconds of `bytes` bytes of 24 kHz pcm16. */
export function pcmMilliseconds(bytes) {
  return (bytes / 2 / API_RATE) * 1000;
}

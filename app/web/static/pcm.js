// Base64 and pcm16, the two clothes that audio wears on the wire. Pure.

export const API_RATE = 24000;

/** @param {ArrayBuffer} buffer @returns {string} */
export function toBase64(buffer) {
  const bytes = new Uint8Array(buffer);
  let text = "";
  // In slices: a spread of a long array overflows the stack.
  for (let i = 0; i < bytes.length; i += 0x2000) {
    text += String.fromCharCode(...bytes.subarray(i, i + 0x2000));
  }
  return btoa(text);
}

/** @param {string} text @returns {ArrayBuffer} whole samples only */
export function fromBase64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length & ~1);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = binary.charCodeAt(i);
  return bytes.buffer;
}

/** Length in bytes of what a base64 text holds, without decoding it. */
export function base64Bytes(text) {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return (text.length / 4) * 3 - padding;
}

/** Milliseconds of `bytes` bytes of 24 kHz pcm16. */
export function pcmMilliseconds(bytes) {
  return (bytes / 2 / API_RATE) * 1000;
}

// The three clothes that audio wears on the wire, in both dialects' names: pcm16 at 24 kHz, and
// G.711 at 8 kHz in its two laws (ITU-T G.711). Pure.

/** Samples a second of each format. */
export const RATES = { pcm16: 24000, g711_ulaw: 8000, g711_alaw: 8000 };

const GA_NAMES = { "audio/pcm": "pcm16", "audio/pcmu": "g711_ulaw", "audio/pcma": "g711_alaw" };

/**
 * The format that a session or response object names, "pcm16" where it names none.
 * @param {Object|null} where  @param {"input"|"output"} way
 */
export function formatOf(where, way) {
  const name = where?.[`${way}_audio_format`] ?? GA_NAMES[where?.audio?.[way]?.format?.type];
  return Object.hasOwn(RATES, name ?? "") ? name : "pcm16";
}

/** @param {ArrayBuffer} pcm pcm16, little-endian  @returns {ArrayBuffer} the same in `format` */
export function encode(pcm, format) {
  if (format === "pcm16") return pcm;
  const samples = new DataView(pcm);
  const bytes = new Uint8Array(pcm.byteLength >> 1);
  const one = format === "g711_ulaw" ? toUlaw : toAlaw;
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = one(samples.getInt16(2 * i, true));
  return bytes.buffer;
}

/** @param {ArrayBuffer} bytes in `format`  @returns {ArrayBuffer} pcm16, little-endian */
export function decode(bytes, format) {
  if (format === "pcm16") return bytes;
  const coded = new Uint8Array(bytes);
  const pcm = new DataView(new ArrayBuffer(2 * coded.length));
  const one = format === "g711_ulaw" ? fromUlaw : fromAlaw;
  for (let i = 0; i < coded.length; i += 1) pcm.setInt16(2 * i, one(coded[i]), true);
  return pcm.buffer;
}

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

/** @param {string} text @returns {ArrayBuffer} */
export function fromBase64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = binary.charCodeAt(i);
  return bytes.buffer;
}

const BIAS = 132;
const CLIP = 32635;

function toUlaw(sample) {
  const sign = sample < 0 ? 0x80 : 0;
  const size = Math.min(Math.abs(sample), CLIP) + BIAS;
  const exponent = 24 - Math.clz32(size); // 0..7: the highest bit of size is 7..14
  return ~(sign | (exponent << 4) | ((size >> (exponent + 3)) & 15)) & 0xff;
}

function fromUlaw(byte) {
  const code = ~byte & 0xff;
  const size = (((code & 15) << 3) + BIAS) << ((code >> 4) & 7);
  return code & 0x80 ? BIAS - size : size - BIAS;
}

function toAlaw(sample) {
  const sign = sample < 0 ? 0 : 0x80;
  const size = (sample < 0 ? ~sample : sample) >> 3; // 13 bits, one of them the sign
  const exponent = Math.max(0, 27 - Math.clz32(size)); // 0..7
  const mantissa = (size >> Math.max(1, exponent)) & 15;
  return (sign | (exponent << 4) | mantissa) ^ 0x55;
}

function fromAlaw(byte) {
  const code = byte ^ 0x55;
  const exponent = (code >> 4) & 7;
  const low = ((code & 15) << 4) + 8;
  const size = exponent === 0 ? low : (low + 0x100) << (exponent - 1);
  return code & 0x80 ? size : -size;
}

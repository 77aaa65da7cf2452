// What is on the wire, judged by G.711 as the embedded upstream writes it (another implementation).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import {
  decode,
  encode,
  formatOf,
  fromBase64,
  toBase64,
} from "../../app/web/static/relay-client/audio-format.js";

const JUDGE = JSON.parse(readFileSync(process.env.G711, "utf8"));
const bytes = (buffer) => Buffer.from(buffer);
const buffer = (base64) => new Uint8Array(Buffer.from(base64, "base64")).buffer;

describe("G.711", () => {
  for (const [format, { pcm, coded, decoded }] of Object.entries(JUDGE)) {
    test(`every sample becomes the same byte of ${format}`, () => {
      assert.deepEqual(bytes(encode(buffer(pcm), format)), Buffer.from(coded, "base64"));
    });
    test(`every byte of ${format} becomes the same sample`, () => {
      const all = new Uint8Array(256).map((_, i) => i).buffer;
      assert.deepEqual(bytes(decode(all, format)), Buffer.from(decoded, "base64"));
    });
  }
});

test("pcm16 goes as it is", () => {
  const pcm = new Int16Array([1, -2]).buffer;
  assert.equal(encode(pcm, "pcm16"), pcm);
  assert.equal(decode(pcm, "pcm16"), pcm);
});

test("base64 of a long buffer comes back whole", () => {
  const long = new Uint8Array(100_001).map((_, i) => i * 7);
  assert.deepEqual(bytes(fromBase64(toBase64(long.buffer))), Buffer.from(long));
});

test("a format is found in either dialect, and pcm16 is what nobody named", () => {
  const cases = [
    [{ input_audio_format: "g711_alaw" }, "g711_alaw"],
    [{ audio: { input: { format: { type: "audio/pcmu" } } } }, "g711_ulaw"],
    [{ audio: { input: { format: { type: "audio/pcm", rate: 24000 } } } }, "pcm16"],
    [{ input_audio_format: "constructor" }, "pcm16"],
    [null, "pcm16"],
  ];
  for (const [session, format] of cases) assert.equal(formatOf(session, "input"), format);
});

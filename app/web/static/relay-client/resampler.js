// A streaming sample-rate converter for mono audio: windowed-sinc interpolation with an
// anti-alias cut-off, any ratio. Used inside both worklets (a context may run at 44.1, 48 or
// 96 kHz, the API speaks 24 kHz). Pure: no Web Audio, no clock.

const PHASES = 256; // table rows per source sample; between two rows we interpolate linearly
const ZERO_CROSSINGS = 16; // taps on each side of the centre, at the lower of the two rates
const KAISER_BETA = 8; // about 80 dB of stop-band attenuation
const PASS_BAND = 0.92; // where the cut-off lies, as a share of the lower Nyquist frequency

/** Zeroth-order modified Bessel function of the first kind, by its power series. */
function bessel0(x) {
  let sum = 1;
  let term = 1;
  for (let k = 1; k < 40 && term > 1e-12; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function kernelTable(half, cutoff) {
  const width = 2 * half;
  const table = new Float32Array((PHASES + 1) * width);
  const norm = bessel0(KAISER_BETA);
  for (let phase = 0; phase <= PHASES; phase += 1) {
    let sum = 0;
    for (let tap = 0; tap < width; tap += 1) {
      const x = tap - half + 1 - phase / PHASES;
      const edge = x / half;
      const window = Math.abs(edge) >= 1 ? 0 : bessel0(KAISER_BETA * Math.sqrt(1 - edge * edge)) / norm;
      const angle = Math.PI * cutoff * x;
      const value = window * cutoff * (x === 0 ? 1 : Math.sin(angle) / angle);
      table[phase * width + tap] = value;
      sum += value;
    }
    for (let tap = 0; tap < width; tap += 1) table[phase * width + tap] /= sum; // unity gain at 0 Hz
  }
  return table;
}

const tables = new Map();

export class Resampler {
  /** @param {number} from source rate in Hz  @param {number} to target rate in Hz */
  constructor(from, to) {
    this.step = from / to;
    const lower = Math.min(1, to / from);
    this.half = this.step === 1 ? 1 : Math.ceil(ZERO_CROSSINGS / lower);
    const key = `${from}:${to}`;
    if (!tables.has(key)) tables.set(key, kernelTable(this.half, this.step === 1 ? 1 : lower * PASS_BAND));
    this.table = tables.get(key);
    this.buffer = new Float32Array(4096);
    this.length = this.half; // starts with silence, so that the first sample has a left neighbour
    this.time = this.half; // where the next output sample lies, in buffer positions
    this.passed = -this.half; // source samples that have left the buffer
  }

  /** Source samples whose moment has gone by. */
  get consumed() {
    return Math.max(0, Math.floor(this.time) + this.passed);
  }

  /** Take in source samples in the range -1..1. The array is copied. */
  push(samples) {
    this.#makeRoom(samples.length);
    this.buffer.set(samples, this.length);
    this.length += samples.length;
  }

  /** Call after the last `push`: lets the tail come out that still waits for right neighbours. */
  finish() {
    this.#makeRoom(this.half);
    this.buffer.fill(0, this.length, this.length + this.half);
    this.length += this.half;
  }

  /** Write up to `count` samples into `target` from `offset`; answers how many were ready. */
  pull(target, offset, count) {
    const { table, buffer, half } = this;
    const width = 2 * half;
    let made = 0;
    while (made < count) {
      const whole = Math.floor(this.time);
      if (whole + half >= this.length) break;
      const exact = (this.time - whole) * PHASES;
      const phase = Math.floor(exact);
      const blend = exact - phase;
      const first = whole - half + 1;
      let row = phase * width;
      let sum = 0;
      for (let tap = 0; tap < width; tap += 1, row += 1) {
        sum += buffer[first + tap] * (table[row] + blend * (table[row + width] - table[row]));
      }
      target[offset + made] = sum;
      made += 1;
      this.time += this.step;
    }
    return made;
  }

  #makeRoom(extra) {
    const gone = Math.floor(this.time) - this.half;
    if (gone > 2048) {
      this.buffer.copyWithin(0, gone, this.length);
      this.length -= gone;
      this.time -= gone;
      this.passed += gone;
    }
    if (this.length + extra > this.buffer.length) {
      const larger = new Float32Array(Math.max(2 * this.buffer.length, this.length + extra));
      larger.set(this.buffer.subarray(0, this.length));
      this.buffer = larger;
    }
  }
}

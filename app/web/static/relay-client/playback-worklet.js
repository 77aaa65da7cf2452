// Runs in the audio thread: plays pcm16 that arrives faster than real time, one queue per
// conversation item, and counts the samples that were really played. After an interruption the
// page must tell the service how much of an answer was heard; only this place knows.
//
// In:  {chunk: ArrayBuffer, item, rate: samples a second} · {end: item} · {clear: token}
// Out: {started: item} at its first audible sample · {progress: item, heardMs, receivedMs} about
//      ten times a second · {finished: item, heardMs} · {starved: item} when the network is too
//      slow · {cleared: token, items: [{item, heardMs, receivedMs}]}, the items with audio left.

import { Resampler } from "./resampler.js";

const AHEAD_MS = 80; // wait for this much before (re)starting: rides out network jitter
const AUDIBLE = 0.002;
const NOTHING_MS = 20; // less than this left over: nobody missed anything

class Item {
  constructor(id, rate) {
    this.id = id;
    this.rate = rate;
    this.chunks = [];
    this.received = 0;
    this.pushed = 0;
    this.ended = false;
    this.finished = false;
    this.waiting = true;
    this.audible = false;
    this.resampler = new Resampler(rate, sampleRate);
  }

  get heardMs() {
    return (1000 * Math.min(this.received, this.resampler.consumed)) / this.rate;
  }

  get receivedMs() {
    return (1000 * this.received) / this.rate;
  }

  add(buffer) {
    const view = new DataView(buffer);
    const samples = new Float32Array(buffer.byteLength >> 1);
    for (let i = 0; i < samples.length; i += 1) samples[i] = view.getInt16(2 * i, true) / 32768;
    this.chunks.push(samples);
    this.received += samples.length;
  }

  /** Fill `target` from `offset`; answers how many samples were written. */
  render(target, offset) {
    if (this.waiting && !this.ended && this.receivedMs - this.heardMs < AHEAD_MS) return 0;
    this.waiting = false;
    let made = 0;
    for (;;) {
      made += this.resampler.pull(target, offset + made, target.length - offset - made);
      if (offset + made >= target.length || !this.#feed()) return made;
    }
  }

  #feed() {
    const samples = this.chunks.shift();
    if (samples) {
      this.resampler.push(samples);
      return true;
    }
    if (!this.ended || this.finished) return false;
    this.finished = true;
    this.resampler.finish();
    return true;
  }
}

class PlaybackProcessor extends AudioWorkletProcessor {
  constructor() {
    super();
    this.queue = [];
    this.tail = null;
    this.quanta = 0;
    this.port.onmessage = ({ data }) => {
      if (data.chunk) this.#item(data.item, data.rate).add(data.chunk);
      else if (data.end) this.#end(data.end);
      else if (data.clear) this.#clear(data.clear);
    };
  }

  #item(id, rate) {
    let item = this.queue.find((one) => one.id === id);
    if (!item) {
      item = new Item(id, rate);
      this.queue.push(item);
    }
    return item;
  }

  #end(id) {
    const item = this.queue.find((one) => one.id === id);
    if (item) item.ended = true;
  }

  #clear(token) {
    const head = this.queue[0];
    if (head && !head.waiting) {
      // One more quantum, faded out: an abrupt stop clicks.
      this.tail = new Float32Array(128);
      const made = head.render(this.tail, 0);
      for (let i = 0; i < made; i += 1) this.tail[i] *= 1 - i / made;
    }
    const items = this.queue
      .filter((one) => one.receivedMs - one.heardMs > NOTHING_MS)
      .map((one) => ({ item: one.id, heardMs: one.heardMs, receivedMs: one.receivedMs }));
    this.queue = [];
    this.port.postMessage({ cleared: token, items });
  }

  process(_inputs, [output]) {
    const target = output[0];
    if (this.tail) {
      target.set(this.tail.subarray(0, target.length));
      this.tail = null;
    } else {
      this.#play(target);
    }
    for (let channel = 1; channel < output.length; channel += 1) output[channel].set(target);
    return true;
  }

  #play(target) {
    let offset = 0;
    while (this.queue.length > 0 && offset < target.length) {
      const item = this.queue[0];
      const made = item.render(target, offset);
      this.#report(item, target, offset, made);
      offset += made;
      if (offset >= target.length) break;
      if (item.finished || (item.ended && item.received === 0)) {
        this.queue.shift();
        this.port.postMessage({ finished: item.id, heardMs: item.receivedMs });
        continue;
      }
      if (!item.waiting) {
        item.waiting = true;
        this.port.postMessage({ starved: item.id });
      }
      return;
    }
  }

  #report(item, target, offset, made) {
    if (!item.audible) {
      for (let i = offset; i < offset + made; i += 1) {
        if (Math.abs(target[i]) > AUDIBLE) {
          item.audible = true;
          this.port.postMessage({ started: item.id });
          break;
        }
      }
    }
    this.quanta += 1;
    if (made > 0 && this.quanta % Math.round(sampleRate / 1280) === 0) {
      const { id, heardMs, receivedMs } = item;
      this.port.postMessage({ progress: id, heardMs, receivedMs });
    }
  }
}

registerProcessor("relay-playback", PlaybackProcessor);

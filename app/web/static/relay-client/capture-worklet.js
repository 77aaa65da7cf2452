// Runs in the audio thread: turns what the microphone delivers, at the context's own rate, into
// pcm16 frames of 40 ms at the session's rate, and posts each with its peak level. A context at
// that rate would be simpler, but Firefox cannot connect a microphone to one.
//
// In:  {muted?: boolean, rate?: samples a second that are wanted}
// Out: {pcm: ArrayBuffer (little-endian pcm16, mono), peak: 0..1, rate}

import { Resampler } from "./resampler.js";

const USUAL_RATE = 24000;
const FRAME_SECONDS = 0.04;

class CaptureProcessor extends AudioWorkletProcessor {
  constructor() {
    super();
    this.mono = new Float32Array(128);
    this.muted = false;
    this.#begin(USUAL_RATE);
    this.port.onmessage = ({ data }) => {
      this.muted = data.muted ?? this.muted;
      if (data.rate && data.rate !== this.rate) this.#begin(data.rate);
    };
  }

  #begin(rate) {
    this.rate = rate;
    this.resampler = new Resampler(sampleRate, rate);
    this.frame = new Float32Array(Math.round(FRAME_SECONDS * rate));
    this.filled = 0;
  }

  process([channels]) {
    // Without input (the track has ended) nothing is made up: the page notices that frames stop.
    if (channels.length === 0) return true;
    this.resampler.push(this.#mixed(channels));
    for (;;) {
      this.filled += this.resampler.pull(this.frame, this.filled, this.frame.length - this.filled);
      if (this.filled < this.frame.length) return true;
      this.#post();
      this.filled = 0;
    }
  }

  #mixed(channels) {
    const length = channels[0].length;
    if (this.mono.length !== length) this.mono = new Float32Array(length);
    if (this.muted) return this.mono.fill(0); // silence keeps the service's voice clock running
    if (channels.length === 1) return channels[0];
    for (let i = 0; i < length; i += 1) {
      let sum = 0;
      for (const channel of channels) sum += channel[i];
      this.mono[i] = sum / channels.length;
    }
    return this.mono;
  }

  #post() {
    const pcm = new DataView(new ArrayBuffer(2 * this.frame.length));
    let peak = 0;
    for (let i = 0; i < this.frame.length; i += 1) {
      const value = Math.max(-1, Math.min(1, this.frame[i]));
      peak = Math.max(peak, Math.abs(value));
      pcm.setInt16(2 * i, Math.round(value < 0 ? value * 32768 : value * 32767), true);
    }
    this.port.postMessage({ pcm: pcm.buffer, peak, rate: this.rate }, [pcm.buffer]);
  }
}

registerProcessor("relay-capture", CaptureProcessor);

// Runs in the audio thread: turns what the microphone delivers, at the context's own rate, into
// 24 kHz pcm16 frames of 40 ms, and posts each with its peak level. A fixed 24 kHz context would
// be simpler, but Firefox cannot connect a microphone to one.
//
// In:  {muted: boolean}
// Out: {pcm: ArrayBuffer (little-endian pcm16, 24 kHz, mono), peak: 0..1}

import { Resampler } from "./resampler.js";

const API_RATE = 24000;
const FRAME_SAMPLES = 960; // 40 ms

class CaptureProcessor extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(sampleRate, API_RATE);
    this.frame = new Float32Array(FRAME_SAMPLES);
    this.filled = 0;
    this.mono = new Float32Array(128);
    this.muted = false;
    this.port.onmessage = ({ data }) => {
      this.muted = data.muted;
    };
  }

  process([channels]) {
    // Without input (the track has ended) nothing is made up: the page notices that frames stop.
    if (channels.length === 0) return true;
    this.resampler.push(this.#mixed(channels));
    for (;;) {
      this.filled += this.resampler.pull(this.frame, this.filled, FRAME_SAMPLES - this.filled);
      if (this.filled < FRAME_SAMPLES) return true;
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
    const pcm = new DataView(new ArrayBuffer(2 * FRAME_SAMPLES));
    let peak = 0;
    for (let i = 0; i < FRAME_SAMPLES; i += 1) {
      const value = Math.max(-1, Math.min(1, this.frame[i]));
      peak = Math.max(peak, Math.abs(value));
      pcm.setInt16(2 * i, Math.round(value < 0 ? value * 32768 : value * 32767), true);
    }
    this.port.postMessage({ pcm: pcm.buffer, peak }, [pcm.buffer]);
  }
}

registerProcessor("relay-capture", CaptureProcessor);

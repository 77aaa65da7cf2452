// The audio half of recorder.js: posts what reaches it, 50 ms at a time, with the context's time.
class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.size = Math.round(sampleRate / 20);
    this.begin();
  }

  begin() {
    this.samples = new Float32Array(this.size);
    this.filled = 0;
    this.at = null;
  }

  process([channels]) {
    if (channels.length === 0) return true;
    this.at ??= currentTime;
    for (const sample of channels[0]) {
      this.samples[this.filled] = sample;
      this.filled += 1;
      if (this.filled < this.size) continue;
      this.port.postMessage({ at: this.at, samples: this.samples });
      const next = currentTime;
      this.begin();
      this.at = next;
    }
    return true;
  }
}
registerProcessor("test-recorder", Recorder);

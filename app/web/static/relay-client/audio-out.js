// The loudspeaker: hands base64 pcm16 of each conversation item to the playback worklet and tells
// what was really heard. Events: "started" {item} at its first audible sample, "progress"
// {item, heardMs, receivedMs}, "finished" {item}, "starved" {item}.

import { API_RATE, fromBase64 } from "./pcm.js";

const CLEAR_MS = 1000;
const milliseconds = (samples) => (samples / API_RATE) * 1000;

export class AudioOut extends EventTarget {
  #sound;
  #node = null;
  #context = null;
  #clears = new Map();
  #token = 0;
  #queued = new Set();

  /** @param {import("./audio-context.js").SoundContext} sound */
  constructor(sound) {
    super();
    this.#sound = sound;
  }

  /** AnalyserNode of what is played, for meters; null before `open`. */
  analyser = null;

  /** Whether something is queued or playing. */
  get busy() {
    return this.#queued.size > 0;
  }

  /** Make the graph. The context must be open; calling it again costs nothing. */
  open() {
    const context = this.#sound.context;
    if (this.#node && this.#context === context) return;
    this.#context = context;
    this.#node = new AudioWorkletNode(context, "relay-playback", {
      numberOfInputs: 0,
      numberOfOutputs: 1,
      outputChannelCount: [1],
    });
    this.#node.port.onmessage = ({ data }) => this.#onMessage(data);
    this.analyser = context.createAnalyser();
    this.analyser.fftSize = 1024;
    this.#node.connect(this.analyser).connect(context.destination);
  }

  /** Queue audio of an item (base64 pcm16, 24 kHz). Silently ignored before `open`. */
  play(item, base64) {
    this.playPcm(item, fromBase64(base64));
  }

  /** As `play`, for an ArrayBuffer of pcm16, which is handed over. */
  playPcm(item, pcm) {
    if (!this.#node || pcm.byteLength === 0) return;
    this.#queued.add(item);
    this.#node.port.postMessage({ chunk: pcm, item }, [pcm]);
  }

  /** No more audio of this item will come. */
  end(item) {
    if (this.#queued.has(item)) this.#node.port.postMessage({ end: item });
  }

  /**
   * Stop at once and forget what is queued. Resolves to the items that still had audio left:
   * [{item, heardMs, receivedMs}], in order. `heardMs` leaves out what is on its way to the ear.
   */
  async clear() {
    if (!this.#node || this.#queued.size === 0) return [];
    this.#queued.clear();
    const token = (this.#token += 1);
    const answer = new Promise((resolve) => this.#clears.set(token, resolve));
    this.#node.port.postMessage({ clear: token });
    // A stopped context (a phone call on iOS) does not answer; nothing more is heard then either.
    const late = new Promise((resolve) => setTimeout(() => resolve([]), CLEAR_MS));
    const items = await Promise.race([answer, late]);
    this.#clears.delete(token);
    const underway = 1000 * this.#sound.latency;
    return items.map(({ item, played, received }) => ({
      item,
      heardMs: Math.max(0, milliseconds(played) - underway),
      receivedMs: milliseconds(received),
    }));
  }

  #onMessage(data) {
    if (data.cleared) this.#clears.get(data.cleared)?.(data.items);
    else if (data.started) this.#tell("started", { item: data.started });
    else if (data.starved) this.#tell("starved", { item: data.starved });
    else if (data.progress) {
      const heardMs = milliseconds(data.played);
      this.#tell("progress", { item: data.progress, heardMs, receivedMs: milliseconds(data.received) });
    } else if (data.finished) {
      this.#queued.delete(data.finished);
      this.#tell("finished", { item: data.finished, heardMs: milliseconds(data.played) });
    }
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

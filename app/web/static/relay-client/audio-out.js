// The loudspeaker: plays the answers' audio without gaps and knows what was really heard. With a
// relay it does all of it by itself: deltas of both dialects are played, and where the person
// speaks up it falls silent, drops what still comes of those answers, and tells the service with
// exactly one conversation.item.truncate for each item that had audio left.

import { RATES, decode, formatOf, fromBase64 } from "./audio-format.js";
import { loudness } from "./loudness.js";
import { SoundContext } from "./sound-context.js";
import { Talker } from "./talker.js";

const CLEAR_MS = 1000;

export class AudioOut extends Talker {
  #sound;
  #relay;
  #node = null;
  #gain = null;
  #analyser = null;
  #context = null;
  #volume = 1;
  #clears = new Map();
  #token = 0;
  #queued = new Set();
  #heard = new Map(); // item id -> milliseconds
  #responses = new Map(); // id -> {format, beside}, those in progress
  #cut = new Set(); // responses whose late audio is dropped
  #parts = new Map(); // item id -> content index of its audio, where a truncate is legal

  /** @param {import("./relay-client.js").AudioOutOptions} options */
  constructor({ relay = null, sound = SoundContext.shared } = {}) {
    super();
    this.#sound = sound;
    this.#relay = relay;
    relay?.on("*", (event) => this.#onEvent(event));
    relay?.on("state", ({ state, why }) => {
      if (state !== "ready") this.#forget(state === "ended" && why.code === 1000);
    });
  }

  /** Whether something is queued or playing. */
  get busy() {
    return this.#queued.size > 0;
  }

  /** How loud it is right now: 0 (silence) to 1, in decibels. */
  get level() {
    return this.#analyser ? loudness(this.#analyser) : 0;
  }

  /** 0 (silent) to 1 (as it comes). */
  get volume() {
    return this.#volume;
  }

  set volume(value) {
    this.#volume = Math.max(0, Math.min(1, value));
    this.#gain?.gain.setTargetAtTime(this.#volume, this.#context.currentTime, 0.01);
  }

  /** Milliseconds of an item that have been played, a tenth of a second precise. */
  heardMs(item) {
    return this.#heard.get(item) ?? 0;
  }

  /** Call inside a tap; audio that comes before is not played. Again, it costs nothing. */
  async open() {
    await this.#sound.open();
    const context = this.#sound.context;
    if (this.#node && this.#context === context) return;
    this.#context = context;
    this.#queued.clear(); // of a context that is gone
    this.#node = new AudioWorkletNode(context, "relay-playback", {
      numberOfInputs: 0,
      numberOfOutputs: 1,
      outputChannelCount: [1],
    });
    this.#node.port.onmessage = ({ data }) => this.#onMessage(data);
    this.#gain = new GainNode(context, { gain: this.#volume });
    this.#analyser = context.createAnalyser();
    this.#analyser.fftSize = 1024;
    this.#node.connect(this.#gain).connect(this.#analyser).connect(context.destination);
  }

  /** Queue audio of an item: base64, or an ArrayBuffer, which is handed over. */
  play(item, audio, format = "pcm16") {
    const bytes = typeof audio === "string" ? fromBase64(audio) : audio;
    if (!this.#node || bytes.byteLength === 0) return;
    const chunk = decode(bytes, format);
    this.#queued.add(item);
    this.#node.port.postMessage({ chunk, item, rate: RATES[format] }, [chunk]);
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
    const left = items.map((one) => ({ ...one, heardMs: Math.max(0, one.heardMs - underway) }));
    for (const { item, heardMs } of left) this.#heard.set(item, heardMs);
    return left;
  }

  /**
   * Fall silent, drop what still comes of the answers in progress, and tell the service how much
   * was heard. It cancels nothing: a button that stops an answer sends response.cancel first.
   */
  async interrupt() {
    for (const response of this.#responses.keys()) this.#cut.add(response);
    const parts = this.#parts;
    const items = await this.clear();
    for (const one of items) {
      this._tell("interrupted", one);
      // Of an earlier session, or beside the conversation: the service knows no such item.
      if (parts !== this.#parts || !parts.has(one.item)) continue;
      // At least 1 ms: the service refuses 0 as if the item had no audio at all.
      const audio_end_ms = Math.max(1, Math.floor(Math.min(one.heardMs, one.receivedMs)));
      const content_index = parts.get(one.item);
      this.#relay?.send({ type: "conversation.item.truncate", item_id: one.item, content_index, audio_end_ms });
    }
    return items;
  }

  #onEvent(event) {
    switch (event.type) {
      case "response.created":
        this.#begin(event.response);
        break;
      case "response.audio.delta":
      case "response.output_audio.delta":
        this.#onDelta(event);
        break;
      case "response.audio.done":
      case "response.output_audio.done":
        this.end(event.item_id);
        break;
      case "response.done":
        for (const item of event.response.output ?? []) this.end(item.id);
        this.#responses.delete(event.response.id);
        this.#cut.delete(event.response.id);
        break;
      case "input_audio_buffer.speech_started":
        if (this.#interruptible) this.interrupt();
        break;
    }
  }

  /** Without interrupt_response the answer goes on, so it is also played on. */
  get #interruptible() {
    const { session } = this.#relay;
    const detection = session?.audio?.input?.turn_detection ?? session?.turn_detection;
    return detection?.interrupt_response !== false;
  }

  #begin(response) {
    const named = response.output_audio_format || response.audio?.output?.format;
    const format = formatOf(named ? response : this.#relay.session, "output");
    this.#responses.set(response.id, { format, beside: response.conversation_id === null });
  }

  #onDelta({ response_id, item_id, content_index, delta }) {
    if (this.#cut.has(response_id)) return;
    const response = this.#responses.get(response_id);
    if (!response?.beside) this.#parts.set(item_id, content_index);
    this.play(item_id, delta, response?.format ?? formatOf(this.#relay.session, "output"));
  }

  /** The session is over: what has come is played to its end, unless the person wants quiet. */
  #forget(quiet) {
    this.#responses.clear();
    this.#cut.clear();
    this.#parts = new Map();
    this.#heard.clear();
    for (const item of this.#queued) this.end(item);
    if (quiet) this.clear();
  }

  #onMessage(data) {
    const { heardMs, receivedMs } = data;
    if (data.cleared) this.#clears.get(data.cleared)?.(data.items);
    else if (data.started) this._tell("started", { item: data.started });
    else if (data.starved) this._tell("starved", { item: data.starved });
    else if (data.progress) {
      this.#heard.set(data.progress, heardMs);
      this._tell("progress", { item: data.progress, heardMs, receivedMs });
    } else if (data.finished) {
      this.#queued.delete(data.finished);
      this.#heard.set(data.finished, heardMs);
      this._tell("finished", { item: data.finished, heardMs });
    }
  }
}

// One AudioContext for both directions, at the device's own rate (so that echo cancellation sees
// what is played). Browsers let it run only after a tap, and iOS takes it away during a phone call
// ("interrupted"): whoever uses it can ask for its state in words.

import { Problem } from "./problem.js";
import { Talker } from "./talker.js";

const RESUME_MS = 2000;

/** Resolves to true when `promise` does within `ms`, false otherwise; never rejects. */
function within(promise, ms) {
  return Promise.race([
    promise.then(
      () => true,
      () => false,
    ),
    new Promise((resolve) => setTimeout(() => resolve(false), ms)),
  ]);
}

let shared = null;

export class SoundContext extends Talker {
  #options;
  #worklets;
  #context = null;
  #modules = null;
  #sink = "";

  /** @param {{worklets?: string|URL, sampleRate?: number, latencyHint?: string}} options */
  constructor({ worklets = import.meta.url, latencyHint = "interactive", ...options } = {}) {
    super();
    this.#worklets = new URL(worklets, globalThis.location?.href); // a folder, or a file in it
    this.#options = { latencyHint, ...options };
  }

  /** The one that AudioIn and AudioOut use where they are given none. */
  static get shared() {
    return (shared ??= new SoundContext());
  }

  /** The AudioContext, or null before the first `open`. */
  get context() {
    return this.#context;
  }

  /** "none", "running", "suspended", "interrupted" (Safari) or "closed". */
  get state() {
    return this.#context ? this.#context.state : "none";
  }

  /** Seconds between the graph and the ear, where the browser tells. */
  get latency() {
    return (this.#context?.outputLatency || 0) + (this.#context?.baseLatency || 0);
  }

  /**
   * Call inside a tap or key press, before any await: elsewhere the browser keeps it suspended.
   * Throws a Problem when sound cannot run.
   */
  async open() {
    if (!this.#context || this.#context.state === "closed") this.#create();
    const running = await this.resume();
    this.#modules ??= this.#load();
    try {
      await this.#modules;
    } catch (cause) {
      this.#modules = null;
      throw new Problem("The audio worklets did not load.", "Reload the page.", "worklets", cause);
    }
    if (!running) {
      const title = "The browser keeps the sound suspended.";
      throw new Problem(title, "Press the button once more.", "suspended");
    }
  }

  /** Ask the browser to run; answers whether it does. */
  async resume() {
    if (!this.#context) return false;
    if (this.#context.state !== "running") await within(this.#context.resume(), RESUME_MS);
    return this.#context.state === "running";
  }

  /** Give the device back. `open` makes a new one. */
  async close() {
    if (this.#context && this.#context.state !== "closed") await this.#context.close();
  }

  /** Play through another speaker, where the browser can (AudioContext.setSinkId). */
  async choose(sinkId) {
    this.#sink = sinkId; // also for a context that is not made yet
    await this.#context?.setSinkId?.(sinkId);
  }

  get canChoose() {
    return typeof AudioContext !== "undefined" && "setSinkId" in AudioContext.prototype;
  }

  #create() {
    if (typeof AudioContext === "undefined" || typeof AudioWorkletNode === "undefined") {
      const remedy = "Use a current Chrome, Edge, Firefox or Safari, and open the page over https.";
      throw new Problem("This browser has no AudioWorklet.", remedy, "unsupported");
    }
    if (navigator.audioSession) navigator.audioSession.type = "play-and-record"; // iOS loudspeaker
    this.#context = new AudioContext(this.#options);
    this.#modules = null;
    if (this.#sink) this.#context.setSinkId?.(this.#sink).catch(() => {}); // gone: the default plays
    this.#context.addEventListener("statechange", () => this._tell("state", { state: this.state }));
  }

  async #load() {
    const worklet = this.#context.audioWorklet;
    await worklet.addModule(new URL("./capture-worklet.js", this.#worklets));
    await worklet.addModule(new URL("./playback-worklet.js", this.#worklets));
  }
}

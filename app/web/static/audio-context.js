// The one AudioContext of the page, at the device's own rate, for both directions (so that echo
// cancellation sees what is played). Browsers let it run only after a tap, and iOS takes it away
// during a phone call ("interrupted"): whoever uses it can ask for its state in words.

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

export class SoundContext extends EventTarget {
  #context = null;
  #modules = null;
  #sink = "";

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
   * Throws an Error with words for a person when sound cannot run.
   */
  async open() {
    if (!this.#context || this.#context.state === "closed") this.#create();
    await this.resume();
    this.#modules ??= this.#load();
    try {
      await this.#modules;
    } catch (cause) {
      this.#modules = null;
      throw new Error("The audio worklets did not load. Reload the page.", { cause });
    }
  }

  /** Ask the browser to run; answers whether it does. */
  async resume() {
    if (!this.#context) return false;
    if (this.#context.state !== "running") await within(this.#context.resume(), RESUME_MS);
    return this.#context.state === "running";
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
      throw new Error("This browser has no AudioWorklet. Use a current Chrome, Edge, Firefox or Safari.");
    }
    if (navigator.audioSession) navigator.audioSession.type = "play-and-record"; // iOS loudspeaker
    this.#context = new AudioContext({ latencyHint: "interactive" });
    this.#modules = null;
    if (this.#sink) this.#context.setSinkId?.(this.#sink).catch(() => {}); // gone: the default plays
    this.#context.addEventListener("statechange", () => this.dispatchEvent(new Event("state")));
  }

  async #load() {
    const worklet = this.#context.audioWorklet;
    await worklet.addModule(new URL("./capture-worklet.js", import.meta.url));
    await worklet.addModule(new URL("./playback-worklet.js", import.meta.url));
  }
}

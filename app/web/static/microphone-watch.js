// Notices what would otherwise be silence without a word: a microphone that stopped delivering,
// one that delivers nothing but zeros, an uplink that cannot keep up. Says so once per opening.

import { Problem } from "./relay-client/relay-client.js";

const DEAF_MS = 6000;
const STUCK_MS = 3000;
const QUIET = 0.0004; // about -68 dBFS: a live microphone is never this still for long

export class MicrophoneWatch {
  #tell;
  #recovered;
  #timer = 0;
  #openedAt = 0;
  #lastFrame = 0;
  #loudest = 0;
  #told = false;
  #slow = false;

  /** @param {{problem: (problem: Problem) => void, recovered: () => void}} hooks */
  constructor({ problem, recovered }) {
    this.#tell = problem;
    this.#recovered = recovered;
  }

  /** `paused()` answers whether silence is expected: muted, or the context does not run. */
  start(paused) {
    this.stop();
    this.#openedAt = this.#lastFrame = performance.now();
    this.#loudest = 0;
    this.#told = this.#slow = false;
    this.#timer = setInterval(() => this.#look(paused()), 1000);
  }

  stop() {
    clearInterval(this.#timer);
  }

  frame(peak) {
    this.#lastFrame = performance.now();
    this.#loudest = Math.max(this.#loudest, peak);
    if (this.#told && peak >= QUIET) {
      this.#told = false;
      this.#recovered();
    }
  }

  congested() {
    if (this.#slow) return;
    this.#slow = true;
    this.#tell(new Problem("The network is too slow for your voice.", "What you say arrives late.", "slow"));
  }

  #look(paused) {
    const now = performance.now();
    if (paused) {
      this.#lastFrame = now;
    } else if (now - this.#lastFrame > STUCK_MS) {
      const remedy = "Choose it again in Settings, or plug it in again.";
      this.#say("The microphone stopped delivering sound.", remedy, "stuck");
    } else if (now - this.#openedAt > DEAF_MS && this.#loudest < QUIET) {
      const remedy =
        "Look for a mute switch on it, raise its level in the system's settings, or choose another one.";
      this.#say("The microphone delivers only silence.", remedy, "deaf");
    }
  }

  #say(title, remedy, kind) {
    if (this.#told) return;
    this.#told = true;
    this.#tell(new Problem(title, remedy, kind));
  }
}

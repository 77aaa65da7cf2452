// From a tap to audio on its way: Talk (the service hears when a turn ends), Hold to talk (the
// person says when) and Mute. It opens sound, microphone and session, in the order that browsers
// demand, and says in words what stopped it.
//
// Events: "change" · "problem" {title, remedy, kind, level} · "heard" when a silent microphone
// is heard after all. Modes: off, talk, hold.

import { MicrophoneWatch } from "./microphone-watch.js";
import { Problem } from "./relay-client/relay-client.js";

const TAIL_MS = 700; // silence that lets the service end a turn when Talk is switched off in it
const HOLD = { remedy: "Hold the button while you speak.", level: "info", kind: "hold" };

export class Talking extends EventTarget {
  #sound;
  #socket;
  #session;
  #input;
  #output;
  #device;
  #voiceDetection = null; // the session's own turn_detection, to return to after hold
  #watch = new MicrophoneWatch({
    problem: (problem) => this.#tell(problem),
    recovered: () => this.dispatchEvent(new Event("heard")),
  });
  #manual = false; // whether this session has its voice detection switched off
  #askedForHold = false;
  #attempt = 0;
  #turn = null; // the held turn that is on its way

  /** @param {Object} parts sound, socket, session, input, output, and device: () => deviceId */
  constructor({ sound, socket, session, input, output, device }) {
    super();
    Object.assign(this, { mode: "off", starting: false, holding: false });
    this.#sound = sound;
    this.#socket = socket;
    this.#session = session;
    this.#input = input;
    this.#output = output;
    this.#device = device;
    input.mode = "off";
    input.on("frame", (frame) => this.#onFrame(frame));
    input.on("lost", (problem) => this.#fail(problem));
    socket.on("session.created", (event) => this.#onSession(event));
    socket.on("session.updated", (event) => this.#onUpdate(event));
    socket.on("state", ({ state }) => {
      if (state === "ended") this.#off();
    });
  }

  get muted() {
    return this.#input.muted;
  }

  set muted(value) {
    this.#input.muted = value;
    this.#changed();
  }

  /** Open sound and session without the microphone, for a typed message. Call inside a tap. */
  async listen() {
    await this.#openSound();
    await this.#socket.connect();
  }

  /** The Talk button. Call inside a tap. */
  async toggle() {
    if (this.mode === "talk" || this.starting) {
      this.#endTurn();
      this.#off();
      return;
    }
    if (!(await this.#start())) return;
    if (this.#manual) this.#detect(this.#voiceDetection);
    this.#enter("talk");
  }

  /** The Hold button goes down. Call inside a tap or key press. */
  async press() {
    this.holding = true;
    if (this.mode === "hold" && !this.starting) {
      this.#input.press();
      this.#changed();
      if (this.#session.answering) await this.#session.stop();
      return;
    }
    if (this.starting || !(await this.#start())) return;
    this.#detect(null);
    if (this.holding) this.#input.press();
    else this.#socket.send({ type: "input_audio_buffer.clear" });
    this.#enter("hold");
    if (!this.holding) this.#tell({ ...HOLD, title: "Ready." });
    else if (this.#session.answering) await this.#session.stop();
  }

  /** The Hold button goes up. */
  async release() {
    if (!this.holding) return;
    if (this.mode !== "hold") {
      this.holding = false; // it was let go before everything was open
      this.#changed();
      return;
    }
    const turn = this.#input.release();
    if (turn === this.#turn) return; // it was let go already
    this.#turn = turn;
    const said = await turn;
    this.holding = this.#input.holding; // it may be down again by now
    if (said) this.#session.respond();
    else if (this.mode === "hold") this.#tell({ ...HOLD, title: "That was too short." });
    this.#changed();
  }

  /** Take another microphone while one is open. */
  async reopen() {
    if (!this.#input.running) return;
    try {
      await this.#input.open({ deviceId: this.#device() });
    } catch (problem) {
      if (problem.kind !== "closed") this.#fail(problem); // closed: another choice came after it
    }
  }

  /** Answers whether everything is open; false when it failed or was switched off meanwhile. */
  async #start() {
    const attempt = (this.#attempt += 1);
    this.starting = true;
    this.#changed();
    try {
      await this.#openSound();
      const microphone = this.#input.running ? null : this.#input.open({ deviceId: this.#device() });
      const session = this.#socket.connect();
      session.catch(() => {}); // where the microphone fails first, the socket's own state tells
      await microphone;
      if (attempt === this.#attempt) await session;
      if (attempt !== this.#attempt) {
        if (this.mode === "off" && !this.starting) this.#input.close(); // it opened after all
        return false;
      }
      this.#watch.start(() => this.#input.muted || this.#sound.state !== "running");
      this.starting = false;
      return true;
    } catch (problem) {
      if (attempt === this.#attempt) this.#failToStart(problem);
      return false;
    }
  }

  #failToStart(problem) {
    this.#off();
    if (problem instanceof Problem) this.#tell(problem);
    else if (problem instanceof Error) {
      this.#tell({ title: problem.message, remedy: "Run the self-check.", kind: "start" });
    } // else the session did not open, and the socket's state says why
  }

  async #openSound() {
    await this.#sound.open();
    await this.#output.open();
  }

  #onFrame({ peak }) {
    this.#watch.frame(peak);
    if (this.mode !== "off" && this.#socket.congested) this.#watch.congested();
  }

  #onSession({ session }) {
    this.#voiceDetection = session.turn_detection ?? { type: "server_vad" };
    this.#manual = false;
    if (this.mode === "hold") this.#detect(null); // a new session, after a retry
  }

  #onUpdate({ session }) {
    if (!this.#askedForHold) return;
    this.#askedForHold = false;
    if (this.mode !== "hold" || !session.turn_detection) return;
    this.#off();
    this.#tell({
      title: "The policy keeps voice detection on.",
      remedy: "Hold to talk is not available in this profile; use Talk.",
      kind: "policy",
    });
  }

  #detect(turn_detection) {
    this.#manual = this.#askedForHold = turn_detection === null;
    this.#session.send({ type: "session.update", session: { turn_detection } });
  }

  #endTurn() {
    if (this.mode === "talk" && this.#session.hearing) this.#input.appendSilence(TAIL_MS);
  }

  #fail(problem) {
    this.#off();
    this.#tell(problem);
  }

  #off() {
    this.#attempt += 1;
    this.#watch.stop();
    this.#input.close();
    this.#input.muted = false;
    this.starting = this.holding = false;
    this.#enter("off");
  }

  #enter(mode) {
    this.mode = this.#input.mode = mode;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  #tell(problem) {
    const { title = problem.message, remedy, kind, level = "bad" } = problem;
    this.dispatchEvent(new CustomEvent("problem", { detail: { title, remedy, kind, level } }));
  }
}

// The microphone, or any MediaStream: permission, device, frames of 40 ms in the session's format,
// a level for the eye. With a relay it sends them as input_audio_buffer.append: all of them
// (mode "talk"), or what is said between press() and release() (mode "hold"). Every failure is a
// Problem, because a blocked microphone is what most often keeps a page silent.

import { RATES, encode, formatOf, toBase64 } from "./audio-format.js";
import { loudness } from "./loudness.js";
import { Problem, explainMicrophone } from "./problem.js";
import { SoundContext } from "./sound-context.js";
import { Talker } from "./talker.js";

const RELEASE_MS = 160; // sound that is still on its way from the microphone at release
const SHORTEST_MS = 200; // a held turn; the service refuses less than 100 ms

const WISHES = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };

export class AudioIn extends Talker {
  #sound;
  #relay;
  #format;
  #asked; // the format that the app asked for, null for the session's own
  #attempt = 0;
  #stream = null;
  #borrowed = false;
  #source = null;
  #node = null;
  #analyser = null;
  #muted = false;
  #held = null; // the present held turn: {ms, timer, settle}

  /** @param {import("./relay-client.js").AudioInOptions} options */
  constructor({ relay = null, sound = SoundContext.shared, format = null } = {}) {
    super();
    this.#relay = relay;
    this.#sound = sound;
    this.#asked = format;
    this.#format = format ?? formatOf(relay?.session, "input");
    for (const type of ["session.created", "session.updated"]) {
      relay?.on(type, ({ session }) => this.#use(this.#asked ?? formatOf(session, "input")));
    }
  }

  /** "talk": every frame is sent; "hold": what is said while held; "off": nothing. */
  mode = "talk";

  get running() {
    return this.#stream !== null;
  }

  /** Whether a held turn is being recorded. */
  get holding() {
    return this.#held !== null;
  }

  /** "pcm16", "g711_ulaw" or "g711_alaw". */
  get format() {
    return this.#format;
  }

  get muted() {
    return this.#muted;
  }

  set muted(value) {
    this.#muted = value;
    this.#node?.port.postMessage({ muted: value });
  }

  /** How loud it is right now, mute or not: 0 (silence) to 1, in decibels. */
  get level() {
    return this.#analyser ? loudness(this.#analyser) : 0;
  }

  /** The label of the device in use, "" while closed. */
  get label() {
    return this.#stream?.getAudioTracks()[0]?.label ?? "";
  }

  get deviceId() {
    return this.#stream?.getAudioTracks()[0]?.getSettings().deviceId ?? "";
  }

  /**
   * Open the microphone, or take another one while it runs. Call inside a tap. Throws a Problem.
   * A `stream` of yours is used instead of a microphone, and is never stopped.
   */
  async open({ deviceId = "", stream = null } = {}) {
    this.close();
    const attempt = this.#attempt;
    const sound = this.#sound.open();
    sound.catch(() => {}); // it is awaited below, after the person was asked
    const taken = stream ?? (await this.#microphone(deviceId));
    try {
      await sound;
      if (attempt !== this.#attempt) throw new Problem("The microphone was closed again.", "", "closed");
    } catch (problem) {
      if (!stream) for (const track of taken.getTracks()) track.stop();
      throw problem;
    }
    this.#borrowed = stream !== null;
    this.#connect(taken);
  }

  close() {
    this.#attempt += 1;
    this.#settle(false);
    for (const track of this.#stream?.getTracks() ?? []) {
      track.removeEventListener("ended", this.#lost);
      if (!this.#borrowed) track.stop();
    }
    this.#source?.disconnect();
    this.#node?.disconnect();
    if (this.#node) this.#node.port.onmessage = null;
    this.#stream = this.#source = this.#node = this.#analyser = null;
  }

  /** Begin a held turn. In a session whose turn_detection is null. */
  press() {
    if (this.#held) this.#commit();
    if (this.mode !== "hold") {
      this.mode = "hold";
      this.#relay?.send({ type: "input_audio_buffer.clear" }); // what was said before is not meant
    }
    this.#held = { ms: 0, timer: 0, settle: () => {}, released: null };
  }

  /**
   * End it. Resolves to whether it was committed: a turn shorter than 200 ms, or without a
   * microphone or session, is dropped. Ask for the answer with response.create.
   */
  release() {
    const held = this.#held;
    if (!held) return Promise.resolve(false);
    held.released ??= new Promise((settle) => {
      held.settle = settle;
      held.timer = setTimeout(() => this.#commit(), RELEASE_MS);
    });
    return held.released;
  }

  /** Send silence, so that the service hears an end of the turn although the microphone closes. */
  appendSilence(ms) {
    const samples = Math.round((ms / 1000) * RATES[this.#format]);
    return this.#append(encode(new ArrayBuffer(2 * samples), this.#format));
  }

  async #microphone(deviceId) {
    try {
      if (!navigator.mediaDevices?.getUserMedia) throw new DOMException("insecure", "SecurityError");
      const device = deviceId ? { deviceId: { exact: deviceId } } : {};
      return await navigator.mediaDevices.getUserMedia({ audio: { ...WISHES, ...device } });
    } catch (error) {
      throw explainMicrophone(error);
    }
  }

  #connect(stream) {
    const context = this.#sound.context;
    this.#stream = stream;
    this.#source = context.createMediaStreamSource(stream);
    this.#analyser = context.createAnalyser();
    this.#analyser.fftSize = 1024;
    this.#node = new AudioWorkletNode(context, "relay-capture", { numberOfInputs: 1, numberOfOutputs: 1 });
    this.#node.port.onmessage = ({ data }) => this.#onFrame(data);
    this.#node.port.postMessage({ muted: this.#muted, rate: RATES[this.#format] });
    this.#source.connect(this.#analyser);
    // Its output stays silent; without a way to the destination Safari would not run the node.
    this.#source.connect(this.#node).connect(context.destination);
    for (const track of stream.getAudioTracks()) track.addEventListener("ended", this.#lost);
  }

  #lost = () => {
    this.close();
    const remedy = "Plug it in again or choose another one.";
    this._tell("lost", new Problem("The microphone was disconnected.", remedy, "ended"));
  };

  #use(format) {
    this.#format = format;
    this.#node?.port.postMessage({ rate: RATES[format] });
  }

  #onFrame({ pcm, peak, rate }) {
    if (rate !== RATES[this.#format]) return; // made before the format changed
    const audio = encode(pcm, this.#format);
    this._tell("frame", { audio, peak, format: this.#format, ms: (1000 * pcm.byteLength) / 2 / rate });
    const wanted = this.mode === "talk" || (this.mode === "hold" && this.#held);
    if (!wanted || !this.#append(audio)) return;
    if (this.#held) this.#held.ms += (1000 * pcm.byteLength) / 2 / rate;
  }

  #append(audio) {
    return this.#relay?.send({ type: "input_audio_buffer.append", audio: toBase64(audio) }) ?? false;
  }

  #commit() {
    const type = this.#held.ms >= SHORTEST_MS ? "commit" : "clear";
    const sent = this.#relay?.send({ type: `input_audio_buffer.${type}` }) ?? false;
    this.#settle(sent && type === "commit");
  }

  #settle(committed) {
    const held = this.#held;
    this.#held = null;
    clearTimeout(held?.timer);
    held?.settle(committed);
  }
}

/** Input and output devices by kind; labels are empty until the microphone was allowed once. */
export async function listDevices() {
  const all = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  return {
    microphones: all.filter((one) => one.kind === "audioinput"),
    speakers: all.filter((one) => one.kind === "audiooutput"),
  };
}

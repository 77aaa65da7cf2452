// The microphone: permission, device, frames of 40 ms for the API, a level for the eye. Events:
// "frame" {pcm, peak}, "lost" {problem} when the device goes away. Every failure is a Problem
// with a title and a remedy, because a blocked microphone is what most often keeps a page silent.

/** Something that went wrong, in words for a person. */
export class Problem extends Error {
  constructor(title, remedy, kind = "problem") {
    super(title);
    this.remedy = remedy;
    this.kind = kind;
  }
}

const PROBLEMS = {
  NotAllowedError: [
    "The microphone is blocked.",
    "Allow it: the icon left of the address opens the site's permissions. On a Mac also look at System Settings, Privacy, Microphone.",
  ],
  NotFoundError: ["No microphone was found.", "Plug one in or switch one on, then press Talk again."],
  NotReadableError: [
    "The microphone cannot be opened.",
    "Another program may be using it. Close that program, or choose another microphone in Settings.",
  ],
  OverconstrainedError: ["The chosen microphone is gone.", "Choose another one in Settings."],
  SecurityError: ["The browser forbids the microphone here.", "Open the page over https or on localhost."],
};

/** @returns {Problem} what a failed getUserMedia means */
export function explainMicrophone(error) {
  if (error instanceof Problem) return error;
  const [title, remedy] = PROBLEMS[error?.name] ?? [
    "The microphone did not start.",
    `The browser says: ${error?.message || error}. Run the self-check.`,
  ];
  return new Problem(title, remedy, error?.name);
}

export class AudioIn extends EventTarget {
  #sound;
  #stream = null;
  #source = null;
  #node = null;
  #muted = false;

  /** @param {import("./audio-context.js").SoundContext} sound opened by the caller */
  constructor(sound) {
    super();
    this.#sound = sound;
  }

  /** AnalyserNode before mute, for meters; null while closed. */
  analyser = null;

  get running() {
    return this.#stream !== null;
  }

  get muted() {
    return this.#muted;
  }

  set muted(value) {
    this.#muted = value;
    this.#node?.port.postMessage({ muted: value });
  }

  /** The label of the device in use, "" while closed. */
  get label() {
    return this.#stream?.getAudioTracks()[0]?.label ?? "";
  }

  get deviceId() {
    return this.#stream?.getAudioTracks()[0]?.getSettings().deviceId ?? "";
  }

  /** Open the microphone (again, if it runs). Throws a Problem. The context must be open. */
  async open(deviceId = "") {
    this.close();
    let stream;
    try {
      if (!navigator.mediaDevices?.getUserMedia) throw new DOMException("insecure", "SecurityError");
      stream = await navigator.mediaDevices.getUserMedia({
        audio: {
          echoCancellation: true,
          noiseSuppression: true,
          autoGainControl: true,
          channelCount: 1,
          ...(deviceId ? { deviceId: { exact: deviceId } } : {}),
        },
      });
    } catch (error) {
      throw explainMicrophone(error);
    }
    this.#connect(stream);
  }

  close() {
    for (const track of this.#stream?.getTracks() ?? []) {
      track.onended = null;
      track.stop();
    }
    this.#source?.disconnect();
    this.#node?.disconnect();
    if (this.#node) this.#node.port.onmessage = null;
    this.#stream = this.#source = this.#node = this.analyser = null;
  }

  #connect(stream) {
    const context = this.#sound.context;
    this.#stream = stream;
    this.#source = context.createMediaStreamSource(stream);
    this.analyser = context.createAnalyser();
    this.analyser.fftSize = 1024;
    this.#node = new AudioWorkletNode(context, "relay-capture", { numberOfInputs: 1, numberOfOutputs: 1 });
    this.#node.port.onmessage = ({ data }) => this.dispatchEvent(new CustomEvent("frame", { detail: data }));
    this.#node.port.postMessage({ muted: this.#muted });
    this.#source.connect(this.analyser);
    // Its output stays silent; without a way to the destination Safari would not run the node.
    this.#source.connect(this.#node).connect(context.destination);
    for (const track of stream.getAudioTracks()) {
      track.onended = () => {
        this.close();
        const problem = new Problem(
          "The microphone was disconnected.",
          "Plug it in again or choose another one in Settings, then press Talk.",
          "ended",
        );
        this.dispatchEvent(new CustomEvent("lost", { detail: { problem } }));
      };
    }
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

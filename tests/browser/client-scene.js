// Put before the body of a test in test_client.py: the client, and a relay that the test plays.
const it = await import("/relay-client/relay-client.js");
const { decode, encode, toBase64 } = await import("/relay-client/audio-format.js");

const SESSIONS = [
  { input_audio_format: "g711_ulaw" },
  { audio: { input: { format: { type: "audio/pcma" } } } },
  { input_audio_format: "pcm16" },
];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const told = (one, type) =>
  new Promise((resolve) => {
    const off = one.on(type, (news) => (off(), resolve(news)));
  });

/** `ms` of a tone of 440 Hz, pcm16. */
function tone(ms, rate, from = 0) {
  const first = (from / 1000) * rate;
  return Int16Array.from({ length: (ms / 1000) * rate }, (_, i) =>
    Math.round(16000 * Math.sin((2 * Math.PI * 440 * (first + i)) / rate)),
  ).buffer;
}

function fakeRelay() {
  const listeners = [];
  const tell = (type, news) => listeners.filter((one) => one.type === type).forEach(({ listener }) => listener(news));
  return {
    session: null,
    sent: [],
    send(event) {
      this.sent.push(event);
      return true;
    },
    on(type, listener) {
      listeners.push({ type, listener });
      return () => {};
    },
    hear(event) {
      this.session = event.session ?? this.session;
      tell("*", event);
      tell(event.type, event);
    },
    state(state, why = null) {
      tell("state", { state, why });
    },
    /** An answer in pieces of 100 ms, at once; `created` false: more of an answer that is known. */
    answer(type, id, item_id, ms, created = {}, format = "pcm16") {
      if (created) this.hear({ type: "response.created", response: { id, conversation_id: "c", ...created } });
      for (let from = 0; from < ms; from += 100) {
        const delta = toBase64(encode(tone(100, format === "pcm16" ? 24000 : 8000, from), format));
        this.hear({ type, response_id: id, item_id, content_index: 0, delta });
      }
      if (created) this.hear({ type: type.replace("delta", "done"), response_id: id, item_id });
    },
  };
}

/** A stream with a tone, from a context of its own. */
async function toneStream(frequency) {
  const context = new AudioContext();
  await context.resume();
  const speaker = context.createMediaStreamDestination();
  const source = new OscillatorNode(context, { frequency });
  source.connect(new GainNode(context, { gain: 0.5 })).connect(speaker);
  source.start();
  return speaker.stream;
}

async function frames(input, count) {
  const all = [];
  while (all.length < count) all.push(await told(input, "frame"));
  return all;
}

/** The pitch of what is sent, by its zero crossings, and what the frames say of themselves. */
async function measure(input, relay) {
  await frames(input, 4); // the resampler settles
  relay.sent.length = 0;
  const some = await frames(input, 10);
  const samples = some.flatMap(({ audio, format }) => [...new Int16Array(decode(audio, format))]);
  const crossings = samples.filter((sample, i) => i > 0 && samples[i - 1] < 0 && sample >= 0).length;
  const seconds = some.reduce((sum, { ms }) => sum + ms, 0) / 1000;
  const sizes = relay.sent.map(({ audio }) => atob(audio).length);
  const { format, peak } = some.at(-1);
  return { format, peak, level: input.level, hertz: crossings / seconds, bytes: sizes };
}

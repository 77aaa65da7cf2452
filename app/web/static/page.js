// Wires the parts of the page together and decides nothing itself:
//
//   microphone  -> AudioIn  -> RelaySocket <-> relay      (relay-client)
//   loudspeaker <- AudioOut <-      |
//   buttons -> Talking, VoiceSession -> them
//   views   <- Conversation, EventLog, Latency

import { withRemedy } from "./close-reasons.js";
import { Conversation } from "./conversation.js";
import { find, remember } from "./dom.js";
import { EventLog } from "./event-log.js";
import { Latency } from "./latency.js";
import { reachRelay } from "./realtime-socket.js";
import { AudioIn, AudioOut, SoundContext } from "./relay-client/relay-client.js";
import { Talking } from "./talking.js";
import { VoiceSession } from "./voice-session.js";
import { ControlsView } from "./view-controls.js";
import { ConversationView } from "./view-conversation.js";
import { EventsView } from "./view-events.js";
import { HeaderView } from "./view-header.js";
import { LevelsView } from "./view-levels.js";
import { NoticesView } from "./view-notices.js";
import { PolicyView } from "./view-policy.js";
import { SelfCheckView } from "./view-self-check.js";
import { SettingsView } from "./view-settings.js";
import { setUpTabs } from "./view-tabs.js";
import { showLatency } from "./view-latency.js";

const sound = SoundContext.shared;
const socket = reachRelay(() => settings.name);
const input = new AudioIn({ relay: socket, sound });
const output = new AudioOut({ relay: socket, sound });
const session = new VoiceSession(socket, output);
const device = () => settings.microphone;
const talking = new Talking({ sound, socket, session, input, output, device });
const conversation = new Conversation();
const log = new EventLog();
const latency = new Latency();
let relay = null; // the `relay` object of the last ticket
let playing = null; // the item that is audible now

const tabs = setUpTabs();
const notices = new NoticesView();
const transcript = new ConversationView();
const events = new EventsView(log);
const policy = new PolicyView();
const header = new HeaderView({
  onConnect: () => socket.connect(),
  onClose: () => socket.close(),
  now: () => Date.now() + socket.skewMs,
});
const controls = new ControlsView({
  talk: () => talking.toggle(),
  press: () => talking.press(),
  release: () => talking.release(),
  mute: () => (talking.muted = !talking.muted),
  stop: () => session.stop(),
  say,
});
const settings = new SettingsView(session, {
  connect: () => socket.connect(),
  canChooseSpeaker: sound.canChoose,
  microphone: (id) => {
    remember("microphone", id);
    talking.reopen();
  },
  speaker: (id) =>
    sound
      .choose(id)
      .catch((error) =>
        tell({ kind: "speaker", title: "This speaker cannot be used.", remedy: error.message }),
      ),
});
const selfCheck = new SelfCheckView({ sound, input, output, socket, session, device, relay: () => relay });
new LevelsView(
  { you: () => input.level, assistant: () => output.level },
  { you: find("wave-you"), assistant: find("wave-assistant") },
);

const CHECK = { label: "Run self-check", run: () => (tabs.show("check"), selfCheck.run()) };
const RECONNECT = { label: "Reconnect", run: () => socket.connect() };

function tell(problem) {
  const help = problem.level === "info" ? { seconds: 5 } : { action: CHECK };
  notices.show({ level: "bad", ...help, ...problem });
  log_("page", { type: "page.notice", title: problem.title, remedy: problem.remedy });
}

function log_(direction, event) {
  events.add(log.add(direction, event, performance.now()));
}

async function say(text) {
  try {
    await talking.listen(); // opens the sound inside this very tap
    latency.turnEnded(performance.now());
    await session.say(text);
  } catch (why) {
    controls.restore(text);
    if (why instanceof Error) tell({ kind: why.kind ?? "sound", title: why.message, remedy: why.remedy });
  }
}

const MICROPHONE = ["deaf", "stuck", "slow"]; // kinds of notice about a microphone that is open

/** Title and remedy of an ending, for a notice. */
const words = (why) => (({ title, remedy }) => ({ title, remedy }))(withRemedy(why));

function snapshot() {
  const { state, why } = socket;
  const { mode, starting, holding, muted } = talking;
  controls.show({
    state,
    why,
    mode,
    starting,
    holding,
    muted,
    hearing: session.hearing,
    answering: session.answering,
    playing,
  });
}

socket.on("ticket", (ticket) => {
  relay = ticket.relay;
  header.describe(relay);
  settings.describe(relay);
});

socket.on("state", ({ state, why }) => {
  header.show(state, why);
  log_("page", { type: `page.${state}`, ...(why && { code: why.code, title: why.title }) });
  for (const kind of ["ended", "limit", "identity", "error"]) notices.clear(kind); // the close says it better
  if (state === "ended") MICROPHONE.forEach((kind) => notices.clear(kind));
  const told = why && why.code !== 1000;
  if (state === "ended" && told)
    notices.show({ kind: "ended", level: "bad", ...words(why), action: RECONNECT });
  if (state === "waiting")
    notices.show({ kind: "ended", ...words(why), action: { ...RECONNECT, label: "Try now" } });
  if (state === "ended" || state === "waiting") {
    transcript.draw(
      conversation,
      conversation.divide("The session ended. A new one remembers nothing of this."),
    );
  }
  snapshot();
});

socket.on("sent", (event) => {
  log_("sent", event);
  if (event.type === "input_audio_buffer.commit") latency.turnEnded(performance.now());
});

socket.on("*", (event) => {
  const now = performance.now();
  log_("received", event);
  const shown = settings.note(event, policy.note(event));
  if (event.type === "input_audio_buffer.speech_stopped") latency.turnEnded(now);
  if (event.type === "response.audio.delta") latency.delta(event.item_id, now);
  if (event.type === "session.created" || event.type === "relay.session") {
    header.expiresAt = event.expires_at ?? event.session?.expires_at ?? null;
  }
  if (event.type === "relay.warning") warn(event);
  if (event.type === "error" && !shown) refuse(event.error ?? {});
  transcript.draw(conversation, conversation.apply(event));
});

function warn({ limit, remaining_ms }) {
  const seconds = Math.round(remaining_ms / 1000);
  if (limit === "identity") {
    const remedy = "The page renews it by itself.";
    notices.show({ kind: "identity", title: `Your sign-in expires in ${seconds} seconds.`, remedy });
    return;
  }
  const remedy = limit === "idle" ? "Say or type something to keep it open." : "";
  notices.show({
    kind: "limit",
    title: `This session ends in ${seconds} seconds (${limit} limit).`,
    remedy,
    seconds: 30,
  });
}

socket.on("identity", ({ error }) => {
  notices.clear("identity");
  if (!error) return;
  const title = "Your sign-in could not be renewed.";
  notices.show({ kind: "identity", level: "bad", title, remedy: error.message || error.title || "" });
});

/** Errors that only say "too late" are no news to a person; the log has them. */
function refuse({ code, message }) {
  if (code === "response_cancel_not_active") return;
  notices.show({ kind: "error", title: message || code || "The relay refused an event.", seconds: 12 });
}

session.addEventListener("activity", snapshot);
output.on("interrupted", ({ item, heardMs, receivedMs }) => {
  playing = null;
  transcript.share(item, heardMs, receivedMs);
  transcript.draw(conversation, conversation.interrupted(item, heardMs, receivedMs));
  snapshot();
});

output.on("started", ({ item }) => {
  playing = item;
  if (latency.sound(item, performance.now() + 1000 * sound.latency)) showLatency(latency.summary());
  snapshot();
});
output.on("finished", () => {
  playing = null;
  snapshot();
});

talking.addEventListener("change", () => {
  if (input.running) settings.refreshDevices();
  if (talking.starting) MICROPHONE.forEach((kind) => notices.clear(kind));
  if (talking.mode !== "off")
    for (const kind of ["NotAllowedError", "NotFoundError", "start", "hold"]) notices.clear(kind);
  snapshot();
});
talking.addEventListener("heard", () => ["deaf", "stuck"].forEach((kind) => notices.clear(kind)));
talking.addEventListener("problem", ({ detail }) => tell(detail));

sound.on("state", () => {
  notices.clear("context");
  if (sound.state === "running" || (talking.mode === "off" && !output.busy)) return;
  const title =
    sound.state === "interrupted"
      ? "The system took the sound away (a call?)."
      : "The browser suspended the sound.";
  notices.show({
    kind: "context",
    level: "bad",
    title,
    action: { label: "Resume sound", run: () => sound.resume() },
  });
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible" && sound.state === "interrupted") sound.resume();
});
addEventListener("pagehide", () => socket.close());

showLatency(latency.summary());
snapshot();

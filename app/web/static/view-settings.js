// The settings panel: name, devices, voice, and a field that asks the policy for something. Each
// session.update is followed until its answer, which is shown in words under the field.

import { listDevices } from "./relay-client/relay-client.js";
import { find, make, remember } from "./dom.js";

const VOICE_LOCKED =
  "The voice cannot change once the model has spoken. Disconnect and connect again to use it.";
const NAME = /^[A-Za-z0-9_.-]{1,64}$/;

export class SettingsView {
  #session;
  #waiting = []; // updates without an answer yet, in order: {id, field, wanted, place}
  #voice = find("voice").value; // the voice in force
  #wish = null; // a voice that came too late for its session: asked for in the next
  #on;

  /** @param {Object} on connect() promise, microphone(id), speaker(id), canChooseSpeaker */
  constructor(session, on) {
    this.#session = session;
    this.#on = on;
    this.#setUpName();
    find("microphone").addEventListener("change", () => on.microphone(this.microphone));
    find("speaker").addEventListener("change", () => on.speaker(find("speaker").value));
    find("voice").addEventListener("change", () => this.#ask("voice", find("voice").value));
    find("instructions-send").addEventListener("click", () =>
      this.#ask("instructions", find("instructions").value),
    );
    navigator.mediaDevices?.addEventListener?.("devicechange", () => this.refreshDevices());
    this.refreshDevices();
  }

  get name() {
    return find("name").value;
  }

  get microphone() {
    return find("microphone").value;
  }

  async refreshDevices() {
    const { microphones, speakers } = await listDevices().catch(() => ({ microphones: [], speakers: [] }));
    this.#fill(find("microphone"), microphones, "Microphone", remember("microphone"));
    this.#fill(find("speaker"), speakers, "Speaker", find("speaker").value);
    find("speaker-row").hidden = !this.#on.canChooseSpeaker || speakers.length === 0;
  }

  /** Voices that may be chosen here; the one in force is shown, whether it is one of them or not. */
  #offer(voices) {
    find("voice").replaceChildren(...voices.map((name) => make("option", {}, name)));
    this.#showVoice();
  }

  /** Show what the relay lets this session set. */
  describe(relay) {
    if (relay.voices) this.#offer(relay.voices);
    const may = relay.may_set ?? [];
    find("may-set").textContent = may.length
      ? `Profile ${relay.profile} lets this page set: ${may.join(", ")}.`
      : `Profile ${relay.profile} lets this page set nothing.`;
  }

  /**
   * Follow events to the answers of our updates. `hint` is what the policy did, or null. Answers
   * whether the event was such an answer, which is now shown under its field.
   */
  note(event, hint) {
    if (event.session?.voice) this.#voice = event.session.voice;
    if (event.type === "session.created") this.#begin();
    const one = this.#answered(event, hint);
    if (one) this.#waiting.splice(this.#waiting.indexOf(one), 1);
    if (one && event.type === "error") this.#refuse(one, event.error);
    else if (one) this.#judge(one, event.session, hint);
    if (one || event.session) this.#showVoice();
    return one !== undefined;
  }

  #answered({ type, error }, hint) {
    if (type === "error") return this.#waiting.find(({ id }) => id === error?.event_id);
    if (type !== "session.updated") return undefined;
    return this.#waiting.find(({ id }) => id === hint?.event_id) ?? this.#waiting[0];
  }

  #begin() {
    for (const { place } of this.#waiting.splice(0))
      this.#answer(place, "refused", "The session ended before it answered.");
    if (this.#wish) this.#ask("voice", this.#wish);
  }

  #refuse({ field, wanted, place }, { code, message }) {
    const locked = field === "voice" && code === "cannot_update_voice";
    if (locked) this.#wish = wanted;
    this.#answer(place, "refused", locked ? VOICE_LOCKED : message);
  }

  #judge({ field, wanted, place }, session, hint) {
    const path = `session.${field}`;
    if (hint?.ignored?.includes(path)) {
      const rule = hint.rules?.[path];
      const read = rule ? ` Rule: ${rule}, in docs/policy.md.` : "";
      this.#answer(place, "kept", `The policy (${hint.profile}) ignored ${path}.${read}`);
    } else if (hint?.changed && path in hint.changed) {
      this.#answer(
        place,
        "kept",
        `The policy (${hint.profile}) made it ${JSON.stringify(hint.changed[path])}.`,
      );
    } else if (hint?.would?.[path]) {
      const would = `would ${hint.would[path]} it`;
      this.#answer(place, "kept", `Accepted, because the operator only tries a rule that ${would}.`);
    } else if (field === "voice" && session.voice !== wanted) {
      this.#answer(place, "kept", `The voice stays ${session.voice}.`);
    } else {
      this.#answer(place, "taken", field === "voice" ? `The voice is now ${wanted}.` : "Accepted.");
    }
  }

  async #ask(field, wanted) {
    const place = find(`${field}-answer`);
    this.#answer(place, "", "Asking…");
    if (field === "voice") this.#wish = null;
    const connected = await this.#on.connect().then(
      () => true,
      () => false,
    );
    const update = { type: "session.update", session: { [field]: wanted } };
    const id = connected ? this.#session.send(update) : null;
    if (id) this.#waiting.push({ id, field, wanted, place });
    else this.#answer(place, "refused", "There is no session to change.");
    this.#showVoice();
  }

  #answer(place, kind, text) {
    place.className = `answer ${kind}`;
    place.textContent = text;
  }

  /** The select shows the voice in force, except while an answer about it is on its way. */
  #showVoice() {
    const select = find("voice");
    const late = this.#waiting.findLast((one) => one.field === "voice");
    const voice = late?.wanted ?? this.#voice;
    if (![...select.options].some((option) => option.value === voice))
      select.append(make("option", {}, voice));
    select.value = voice;
  }

  #setUpName() {
    const fields = [...document.querySelectorAll("[data-name]")];
    const known = remember("name");
    for (const field of fields) {
      if (NAME.test(known)) field.value = known;
      field.addEventListener("input", () => {
        for (const other of fields) other.value = field.value;
        this.#explainName("");
        if (NAME.test(field.value)) remember("name", field.value);
      });
      field.addEventListener("change", () => {
        if (NAME.test(field.value)) return;
        const clean = field.value.replace(/[^A-Za-z0-9_.-]/g, "").slice(0, 64) || "guest";
        this.#explainName(
          field.value
            ? `“${field.value}” became “${clean}”: a name has only these characters.`
            : `An empty name became “${clean}”.`,
        );
        for (const other of fields) other.value = clean;
        remember("name", clean);
      });
    }
    find("sign-in").addEventListener("submit", (submit) => submit.preventDefault());
  }

  #explainName(text) {
    for (const place of document.querySelectorAll("[data-name-answer]")) this.#answer(place, "kept", text);
  }

  #fill(select, devices, word, chosen) {
    const options = devices
      .filter((device) => device.deviceId && device.deviceId !== "default")
      .map((device, i) => make("option", { value: device.deviceId }, device.label || `${word} ${i + 1}`));
    select.replaceChildren(make("option", { value: "" }, "System default"), ...options);
    if (options.some((option) => option.value === chosen)) select.value = chosen;
  }
}

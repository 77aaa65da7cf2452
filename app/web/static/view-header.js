// The top bar: what this session is (badges), how it is (state, clock), and the one button that
// begins or ends it.

import { find, make } from "./dom.js";

const WORDS = {
  idle: "Not connected",
  ticket: "Signing in",
  connecting: "Connecting",
  ready: "Connected",
  ended: "Disconnected",
};
const UPSTREAMS = {
  embedded: ["EMBEDDED", "The embedded upstream answers: no cloud account is used."],
  azure: ["AZURE", "Azure OpenAI answers."],
};

export function formatClock(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  const rest = String(seconds % 60).padStart(2, "0");
  return `${Math.floor(seconds / 60)}:${rest}`;
}

export class HeaderView {
  #badges = find("badges");
  #expiresAt = null;
  #timer = 0;
  #retryAt = 0;
  #state = "idle";

  /** @param {{onConnect: () => void, onClose: () => void, now: () => number}} hooks now: server ms */
  constructor({ onConnect, onClose, now }) {
    this.now = now;
    find("connect").addEventListener("click", () => {
      if (this.#open) onClose();
      else onConnect();
    });
    this.#timer = setInterval(() => this.#tick(), 250);
  }

  get #open() {
    return ["ticket", "connecting", "ready", "waiting"].includes(this.#state);
  }

  /** Fill the badges from the `relay` object of a ticket. */
  describe(relay) {
    const [upstream, title] = UPSTREAMS[relay.upstream] ?? [String(relay.upstream).toUpperCase(), ""];
    const badges = [this.#badge(upstream, relay.upstream, title)];
    if (relay.auth === "dev") {
      badges.push(
        this.#badge("DEV", "dev", "Development sign-in: any name is accepted. Not for production."),
      );
    }
    badges.push(
      this.#badge(relay.profile, "profile", `The policy profile of this session is ${relay.profile}.`),
    );
    this.#badges.replaceChildren(...badges, ...this.#badges.querySelectorAll(".kept"));
  }

  #badge(text, kind, title) {
    return make("li", {}, make("span", { class: `badge ${kind}`, title }, text));
  }

  /** `expiresAt`: Unix seconds, or null when there is no session. */
  set expiresAt(value) {
    this.#expiresAt = value;
    this.#tick();
  }

  show(state, why) {
    this.#state = state;
    this.#retryAt = state === "waiting" ? performance.now() + why.pauseMs : 0;
    find("state").dataset.state = state;
    const button = find("connect");
    const label = { ended: "Reconnect", idle: "Connect", ready: "Disconnect" }[state] ?? "Cancel";
    if (button.textContent !== label) button.textContent = label;
    if (state !== "ready") this.#expiresAt = null;
    this.#tick();
  }

  #tick() {
    const words = find("state-text");
    const left = Math.ceil((this.#retryAt - performance.now()) / 1000);
    const text = this.#retryAt ? `Trying again in ${Math.max(0, left)} s` : WORDS[this.#state];
    if (words.textContent !== text) words.textContent = text;
    const clock = find("clock");
    clock.hidden = this.#expiresAt === null;
    if (this.#expiresAt === null) return;
    const remaining = 1000 * this.#expiresAt - this.now();
    find("clock-time").textContent = formatClock(remaining);
    clock.className = `clock${remaining < 30_000 ? " out" : remaining < 120_000 ? " low" : ""}`;
  }
}

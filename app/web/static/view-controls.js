// The dock: Talk, Hold to talk, Mute, Stop, the message field, and the one sentence that says what
// is going on right now. It decides nothing; it shows a snapshot and passes on what was pressed.

import { find } from "./dom.js";

/** The sentence for a snapshot {state, why, mode, starting, holding, muted, hearing, answering, playing}. */
export function sentence(now) {
  if (now.state === "ticket") return "Signing in…";
  if (now.state === "connecting") return "Connecting to the model…";
  if (now.state === "waiting") return `${now.why?.title ?? ""} Trying again.`;
  if (now.starting) return "Asking for the microphone…";
  if (now.holding && now.mode === "hold") return "Recording. Release to send.";
  if (now.hearing) return "Hearing you…";
  if (now.playing)
    return now.mode === "talk" && !now.muted ? "Speaking. Talk over it to interrupt." : "Speaking.";
  if (now.answering) return "Thinking…";
  if (now.mode === "talk") return now.muted ? "Muted. The model hears silence." : "Listening. Just speak.";
  if (now.mode === "hold") return "Hold the button, or the space bar on it, while you speak.";
  return "Press Talk and speak, or type a message.";
}

export class ControlsView {
  /** @param {Object} on talk, press, release, mute, stop (functions) and say (text) */
  constructor(on) {
    find("talk").addEventListener("click", () => on.talk());
    find("mute").addEventListener("click", () => on.mute());
    find("stop").addEventListener("click", () => on.stop());
    this.#setUpHold(on);
    for (const suggestion of find("suggestions").children) {
      suggestion.addEventListener("click", () => on.say(suggestion.textContent));
    }
    find("composer").addEventListener("submit", (submit) => {
      submit.preventDefault();
      const field = find("message");
      const text = field.value.trim();
      if (!text) {
        field.focus();
        return;
      }
      field.value = "";
      on.say(text);
    });
  }

  /** Give a message back to the field when it could not be sent. */
  restore(text) {
    const field = find("message");
    if (!field.value) field.value = text;
  }

  show(now) {
    const talk = find("talk");
    const on = now.mode === "talk" || now.starting;
    talk.setAttribute("aria-pressed", String(on));
    this.#text("talk-label", on ? (now.starting ? "Cancel" : "End talk") : "Talk");
    const hold = find("hold");
    hold.classList.toggle("held", now.holding);
    this.#text("hold", now.holding ? "Release to send" : "Hold to talk");
    const mute = find("mute");
    mute.disabled = now.mode === "off";
    mute.setAttribute("aria-pressed", String(now.muted && now.mode !== "off"));
    this.#text("mute", now.muted ? "Unmute" : "Mute");
    find("stop").disabled = !now.answering;
    this.#text("now", sentence(now));
  }

  #text(id, text) {
    const element = find(id);
    if (element.textContent !== text) element.textContent = text; // else it would be read out again
  }

  #setUpHold(on) {
    const hold = find("hold");
    let down = false;
    const press = () => {
      if (down) return;
      down = true;
      on.press();
    };
    const release = () => {
      if (!down) return;
      down = false;
      on.release();
    };
    hold.addEventListener("pointerdown", (pointer) => {
      if (pointer.button !== 0) return;
      hold.setPointerCapture(pointer.pointerId); // the release counts wherever it happens
      press();
    });
    hold.addEventListener("pointerup", release);
    hold.addEventListener("pointercancel", release);
    hold.addEventListener("contextmenu", (menu) => menu.preventDefault()); // a long press on a phone
    hold.addEventListener("keydown", (key) => {
      if (key.key !== " " && key.key !== "Enter") return;
      key.preventDefault();
      press();
    });
    hold.addEventListener("keyup", (key) => {
      if (key.key !== " " && key.key !== "Enter") return;
      key.preventDefault(); // or Firefox makes a click of it
      release();
    });
    hold.addEventListener("click", (click) => {
      if (click.detail > 0) return; // a pointer did it
      if (down) release();
      else press(); // a screen reader cannot hold: once to begin, once to send
    });
    hold.addEventListener("blur", release);
  }
}

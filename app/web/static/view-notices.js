// Things a person must not miss, above the controls: one line each, with a remedy and a button.
// A notice of the same kind replaces the earlier one.

import { find, make } from "./dom.js";

export class NoticesView {
  #box = find("notices");
  #byKind = new Map();

  /**
   * @param {{kind: string, title: string, remedy?: string, level?: "bad"|"warn"|"info",
   *   action?: {label: string, run: () => void}, seconds?: number}} notice
   */
  show({ kind, title, remedy = "", level = "warn", action = null, seconds = 0 }) {
    this.clear(kind);
    const text = make("p", {}, make("b", {}, title), remedy ? make("span", {}, remedy) : null);
    const notice = make("div", { class: `notice ${level}`, data: { kind } }, text);
    if (action) {
      const button = make("button", { type: "button" }, action.label);
      button.addEventListener("click", () => {
        this.clear(kind);
        action.run();
      });
      notice.append(button);
    }
    const dismiss = make("button", { type: "button", class: "dismiss", "aria-label": "Dismiss" }, "×");
    dismiss.addEventListener("click", () => this.clear(kind));
    notice.append(dismiss);
    this.#box.append(notice);
    const timer = seconds ? setTimeout(() => this.clear(kind), 1000 * seconds) : 0;
    this.#byKind.set(kind, { notice, timer });
  }

  clear(kind) {
    const known = this.#byKind.get(kind);
    if (!known) return;
    clearTimeout(known.timer);
    known.notice.remove();
    this.#byKind.delete(kind);
  }
}

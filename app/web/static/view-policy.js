// What the policy did with the settings this page asked for: a badge with a number, opening a
// list. Fed by the `relay` field that the relay adds to some events.

import { find, make } from "./dom.js";

export class PolicyView {
  #dialog = find("policy");
  #rows = [];
  #button = make("button", { type: "button", class: "badge ignored", id: "policy-badge" });
  #item = make("li", { class: "kept", hidden: true }, this.#button);

  constructor() {
    this.#button.addEventListener("click", () => this.#open());
    find("badges").append(this.#item);
  }

  /** Take note of an event; answers its hint, or null when the policy did nothing. */
  note(event) {
    const hint = event.relay;
    const ignored = hint?.ignored ?? [];
    const changed = Object.entries(hint?.changed ?? {});
    if (ignored.length === 0 && changed.length === 0) return null;
    find("policy-profile").textContent = `Profile ${hint.profile}. The rest of each event went on.`;
    for (const field of ignored) this.#rows.push({ field, did: "ignored", why: hint.why, type: event.type });
    for (const [field, value] of changed) {
      this.#rows.push({ field, did: `changed to ${JSON.stringify(value)}`, why: hint.why, type: event.type });
    }
    this.#item.hidden = false;
    const count = this.#rows.length;
    const changedOnly = this.#rows.every((row) => row.did !== "ignored");
    const verb = changedOnly ? "changed" : "ignored";
    this.#button.textContent = `policy ${verb} ${count} setting${count === 1 ? "" : "s"}`;
    return hint;
  }

  #open() {
    find("policy-list").replaceChildren(
      ...this.#rows.map(({ field, did, why, type }) =>
        make(
          "li",
          {},
          make("code", {}, field),
          ` was ${did}.`,
          make("p", {}, `Told in ${type}${why ? `; rule: ${why}` : ""}.`),
        ),
      ),
    );
    this.#dialog.showModal();
  }
}

// The self-check panel: one row per step, a verdict in a sentence, a Run button.

import { find, make } from "./dom.js";
import { STEPS, runSelfCheck } from "./self-check.js";

const MARKS = { ok: "✓", unknown: "?", warn: "!", bad: "✕", running: "", waiting: "" };
const SPOKEN = {
  ok: "in order",
  unknown: "not known yet",
  warn: "look at this",
  bad: "a problem",
  running: "checking",
  waiting: "not checked yet",
};

export class SelfCheckView {
  #parts;
  #rows = new Map();
  #busy = false;

  constructor(parts) {
    this.#parts = parts;
    find("checks").replaceChildren(...STEPS.map((step) => this.#row(step)));
    find("check-run").addEventListener("click", () => this.run());
  }

  /** Call inside a tap: sound may need it. */
  async run() {
    if (this.#busy) return;
    this.#busy = true;
    const button = find("check-run");
    button.disabled = true;
    button.textContent = "Running…";
    for (const { id } of STEPS) this.#show(id, { status: "waiting", found: "", remedy: "" });
    this.#verdict("", "");
    const results = await runSelfCheck(this.#parts, (id, result) => this.#show(id, result));
    const worst = ["bad", "warn"].find((status) => results.some((one) => one.status === status)) ?? "ok";
    const count = results.filter((one) => one.status === worst).length;
    const words = {
      ok: "Everything is in place. Press Talk and speak.",
      warn: `It works, but look at ${count === 1 ? "one step" : `${count} steps`} above.`,
      bad: `${count === 1 ? "One step" : `${count} steps`} above must be solved first.`,
    };
    this.#verdict(worst, words[worst]);
    button.disabled = false;
    button.textContent = "Run again";
    this.#busy = false;
  }

  #row({ id, title }) {
    const row = make("li", { data: { check: id } });
    this.#rows.set(id, { row, title });
    this.#show(id, { status: "waiting", found: "", remedy: "" });
    return row;
  }

  #show(id, { status, found, remedy }) {
    const { row, title } = this.#rows.get(id);
    row.className = status;
    row.replaceChildren(
      make("span", { class: "mark", role: "img", "aria-label": SPOKEN[status] }, MARKS[status]),
      make("span", { class: "what" }, title),
      ...(found ? [make("span", { class: "found" }, found)] : []),
      ...(remedy ? [make("span", { class: "remedy" }, remedy)] : []),
    );
  }

  #verdict(kind, text) {
    const verdict = find("check-verdict");
    verdict.className = `verdict ${kind}`;
    verdict.textContent = text;
  }
}

// Draws the turns of a Conversation, keeps the newest in sight unless the reader scrolled up, and
// reads finished turns (not every delta) to screen readers.

import { find, make } from "./dom.js";
import { FollowEnd } from "./follow-end.js";

const PENDING = { listening: "Listening…", transcribing: "Writing down what you said…" };
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

export class ConversationView {
  #list = find("turns");
  #end = new FollowEnd(find("scroll"), 60);
  #spoken = find("spoken");
  #rows = new Map();
  #announced = new Set();
  #shares = new Map();

  /** How much of an interrupted answer was heard, for its note. */
  share(id, heardMs, receivedMs) {
    this.#shares.set(id, { heardMs, receivedMs });
  }

  /** Draw the turns with these ids anew. */
  draw(conversation, ids) {
    for (const id of ids) {
      const turn = conversation.turn(id);
      if (turn) this.#draw(turn, conversation);
      else this.#drop(id);
    }
    find("welcome").hidden = conversation.turns.length > 0;
    if (ids.length > 0) this.#end.grown();
  }

  #drop(id) {
    this.#rows.get(id)?.remove();
    this.#rows.delete(id);
  }

  #draw(turn) {
    const row = make("li", { class: `turn ${turn.role} ${turn.state}`, data: { id: turn.id } });
    if (turn.role === "divider") row.append(turn.text);
    else row.append(this.#who(turn), this.#words(turn), ...this.#notes(turn));
    const old = this.#rows.get(turn.id);
    if (old) old.replaceWith(row);
    else this.#list.append(row);
    this.#rows.set(turn.id, row);
    this.#announce(turn);
  }

  #who(turn) {
    const name = { user: "You", assistant: "Assistant", tool: `Tool call: ${turn.name}` }[turn.role];
    const how = turn.role === "user" ? { voice: "spoken", text: "typed" }[turn.by] : "";
    return make("p", { class: "who" }, name, how ? make("span", {}, how) : null);
  }

  #words(turn) {
    if (!turn.text) {
      const pending = PENDING[turn.state] ?? (turn.state === "speaking" ? "" : "No words.");
      return make("p", { class: "words" }, make("span", { class: "pending" }, pending));
    }
    if (turn.heard === null || turn.heard >= turn.text.length)
      return make("p", { class: "words" }, turn.text);
    const unheard = make(
      "del",
      { title: "Not heard: the answer was interrupted here" },
      turn.text.slice(turn.heard),
    );
    return make("p", { class: "words" }, turn.text.slice(0, turn.heard), unheard);
  }

  #notes(turn) {
    const notes = [];
    const share = this.#shares.get(turn.id);
    if (share)
      notes.push(`Interrupted after ${seconds(share.heardMs)} of ${seconds(share.receivedMs)} received.`);
    else if (turn.state === "interrupted") notes.push("Interrupted.");
    if (turn.note) notes.push(turn.note);
    return notes.map((note) => make("p", { class: "note" }, note));
  }

  #announce(turn) {
    const finished = ["done", "interrupted", "failed"].includes(turn.state);
    if (!finished || this.#announced.has(turn.id)) return;
    this.#announced.add(turn.id);
    const who = { user: "You said: ", assistant: "Answer: ", tool: "Tool call. ", divider: "" }[turn.role];
    this.#spoken.append(make("p", {}, `${who}${turn.text || turn.note}`));
    while (this.#spoken.childElementCount > 20) this.#spoken.firstChild.remove();
  }
}

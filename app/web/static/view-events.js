// The event log as a list: newest at the end, each row opens to its JSON. Drawn once per animation
// frame at most, and at most 400 rows: audio alone is 50 events a second.

import { find, make } from "./dom.js";
import { countWords, matches } from "./event-log.js";
import { FollowEnd } from "./follow-end.js";
import { pcmMilliseconds } from "./pcm.js";

const MOST_ROWS = 400;
const EMPTY = "Every event, both ways, is listed here once you connect.";
const NO_MATCH = "No event matches this filter.";
const ARROWS = { sent: ["↑", "sent"], received: ["↓", "received"], page: ["•", "page"] };

const GROUPED = /\.(delta|append)$/;

/** What the entries of one row say together. */
function together(entries) {
  if (!entries[0].audio) return `“${entries.map((one) => one.event.delta ?? "").join("")}”`;
  const bytes = entries.reduce((sum, one) => sum + one.audioBytes, 0);
  return `${(pcmMilliseconds(bytes) / 1000).toFixed(1)} s of audio`;
}

export class EventsView {
  #log;
  #list = find("events");
  #waiting = [];
  #last = null; // the newest row: {entries, row, about, json}
  #paused = false;
  #scheduled = false;
  #end = new FollowEnd(this.#list, 40);

  constructor(log) {
    this.#log = log;
    for (const id of ["event-filter", "event-direction", "event-audio"]) {
      find(id).addEventListener("input", () => this.#redraw());
    }
    find("event-pause").addEventListener("click", () => this.#pause());
    find("event-copy").addEventListener("click", () => this.#copy());
    find("event-download").addEventListener("click", () => this.#download());
    find("event-clear").addEventListener("click", () => {
      this.#log.clear();
      this.#redraw();
    });
  }

  add(entry) {
    if (!this.#paused && matches(entry, this.#filter)) this.#waiting.push(entry);
    if (this.#waiting.length > MOST_ROWS) this.#waiting.shift();
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => this.#flush());
  }

  get #filter() {
    return {
      text: find("event-filter").value,
      direction: find("event-direction").value,
      audio: find("event-audio").checked,
    };
  }

  #flush() {
    this.#scheduled = false;
    const entries = this.#waiting.splice(0);
    if (entries.length > 0) {
      for (const entry of entries) this.#append(entry);
      while (this.#list.childElementCount > MOST_ROWS) this.#list.firstChild.remove();
      this.#end.grown();
    }
    this.#count();
  }

  #redraw() {
    const filter = this.#filter;
    this.#waiting = this.#log.entries.filter((entry) => matches(entry, filter)).slice(-MOST_ROWS);
    this.#list.replaceChildren();
    this.#flush();
    this.#end.restart();
  }

  #count() {
    const { entries, total } = this.#log;
    const hidden = find("event-audio").checked ? 0 : entries.filter((entry) => entry.audio).length;
    const count = find("event-count");
    count.textContent = total === 0 ? "No events yet" : countWords(entries, this.#filter);
    count.title = hidden ? `and ${hidden} audio events, hidden` : "";
    const nothing = find("event-nothing");
    nothing.hidden = this.#list.childElementCount > 0;
    nothing.textContent = entries.length === 0 ? EMPTY : NO_MATCH;
  }

  /** Deltas that follow one another share a row; any other event gets its own. */
  #append(entry) {
    const last = this.#last;
    const alike = last?.entries[0].type === entry.type && last.entries[0].direction === entry.direction;
    if (alike && GROUPED.test(entry.type) && last.row.isConnected) {
      last.entries.push(entry);
      last.about.textContent = `  ×${last.entries.length}  ${together(last.entries)}`;
      if (last.json)
        last.json.textContent = JSON.stringify(
          last.entries.map((one) => one.event),
          null,
          2,
        );
      return;
    }
    this.#last = this.#row(entry);
    this.#list.append(this.#last.row);
  }

  #row(entry) {
    const [arrow, word] = ARROWS[entry.direction];
    const about = make("span", { class: "about" }, entry.summary ? `  ${entry.summary}` : "");
    const summary = make(
      "summary",
      {},
      make("span", { class: "at" }, (entry.at / 1000).toFixed(2)),
      make("span", { class: "way", role: "img", "aria-label": word }, arrow),
      make("span", { class: "line" }, entry.type, about),
    );
    const details = make("details", {}, summary);
    const kind = entry.type === "error" ? " error" : "";
    const row = make("li", { class: `${entry.direction}${kind}`, data: { type: entry.type } }, details);
    const group = { entries: [entry], row, about, json: null };
    details.addEventListener("toggle", () => {
      if (!details.open || group.json) return;
      const shown = group.entries.length === 1 ? entry.event : group.entries.map((one) => one.event);
      group.json = make("pre", {}, JSON.stringify(shown, null, 2));
      details.append(group.json);
    });
    return group;
  }

  #pause() {
    this.#paused = !this.#paused;
    const button = find("event-pause");
    button.setAttribute("aria-pressed", String(this.#paused));
    button.textContent = this.#paused ? "Resume" : "Pause";
    if (!this.#paused) this.#redraw();
  }

  async #copy() {
    const button = find("event-copy");
    let word = "Copied";
    try {
      await navigator.clipboard.writeText(this.#log.text(this.#filter));
    } catch {
      word = "Not allowed";
    }
    button.textContent = word;
    setTimeout(() => (button.textContent = "Copy"), 1500);
  }

  #download() {
    const file = new Blob([this.#log.text(this.#filter), "\n"], { type: "application/x-ndjson" });
    const address = URL.createObjectURL(file);
    const stamp = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
    make("a", { href: address, download: `realtime-events-${stamp}.jsonl` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }
}

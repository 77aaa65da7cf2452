// What the policy did with what this page asked for: a badge with numbers, opening a list. Fed by
// the `relay` field that the relay adds to some events.

import { find, make } from "./dom.js";

const THINGS = { ignored: "setting", changed: "setting", refused: "event", tried: "rule" };

/** What one event says of the policy: a list of {field, kind, did, rule}. */
function rowsOf({ type, error, relay }) {
  if (!relay) return [];
  const rule = (field) => relay.rules?.[field] ?? relay.why?.split("#")[1];
  const row = (field, kind, did) => ({ field, kind, did, rule: rule(field), type });
  if (type === "error" && relay.why && !relay.ignored?.length)
    return [row(error?.param ?? "an event", "refused", `refused. ${error?.message ?? ""}`)];
  return [
    ...(relay.ignored ?? []).map((field) => row(field, "ignored", "ignored.")),
    ...Object.entries(relay.changed ?? {}).map(([field, value]) =>
      row(field, "changed", `changed to ${JSON.stringify(value)}.`),
    ),
    ...Object.entries(relay.would ?? {}).map(([field, act]) => ({
      ...row(field, "tried", `let through: the operator tries a rule that would ${act} it.`),
      rule: undefined,
    })),
  ];
}

/** "policy ignored 2, changed 1", or with one kind alone "policy ignored 2 settings". */
function badgeWords(rows) {
  const counts = Object.keys(THINGS)
    .map((kind) => [kind, rows.filter((row) => row.kind === kind).length])
    .filter(([, count]) => count > 0);
  const said = counts.map(([kind, count]) => `${kind} ${count}`).join(", ");
  if (counts.length !== 1) return `policy ${said}`;
  const [[kind, count]] = counts;
  return `policy ${said} ${THINGS[kind]}${count === 1 ? "" : "s"}`;
}

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
    const rows = rowsOf(event);
    if (rows.length === 0) return null;
    find("policy-profile").textContent =
      `Profile ${event.relay.profile}. What was ignored or changed stops no event: whatever else ` +
      "stood in it went on. What was refused went nowhere.";
    this.#rows.push(...rows);
    this.#item.hidden = false;
    this.#button.textContent = badgeWords(this.#rows);
    return event.relay;
  }

  #open() {
    find("policy-list").replaceChildren(
      ...this.#rows.map(({ field, did, rule, type }) =>
        make(
          "li",
          {},
          make("code", {}, field),
          ` was ${did}`,
          make("p", {}, `Told in ${type}${rule ? `; rule ${rule} in docs/policy.md` : ""}.`),
        ),
      ),
    );
    this.#dialog.showModal();
  }
}

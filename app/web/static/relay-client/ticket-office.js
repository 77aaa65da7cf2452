// Where a ticket comes from: the app's own function, or POST /tickets with the user's credential.
// Failures are thrown as an Ending, ready for the end of the connection.

import { explainRefusedTicket } from "./close-reasons.js";

const TICKET_MS = 10_000;
const SAME_CLOCK_MS = 2000; // a Date header counts whole seconds and has travelled

export class TicketOffice {
  #base;
  #ask;
  #token;
  #fetch;

  /** Server clock minus ours, in milliseconds, from the last ticket's Date header. */
  skewMs = 0;

  constructor({ base, ticket, token, fetch }) {
    if (!ticket && !token) throw new TypeError("RelaySocket needs `ticket` or `token`.");
    this.#base = base;
    this.#ask = ticket;
    this.#token = token;
    this.#fetch = fetch;
  }

  /** A fresh ticket: {value, relay?, session?}. Throws an Ending. */
  async take() {
    if (!this.#ask) return this.#buy(await this.#fromApp(this.#token));
    const ticket = await this.#fromApp(this.#ask);
    return typeof ticket === "string" ? { value: ticket } : ticket;
  }

  /** What a function of the app gives. What it throws is tried again unless it has `retry: false`. */
  async #fromApp(source) {
    try {
      return typeof source === "function" ? await source() : source;
    } catch (cause) {
      throw {
        reason: "no_credential",
        code: 0,
        title: cause?.message || "There is no credential.",
        remedy: cause?.remedy ?? "Sign in again.",
        retry: cause?.retry ?? true,
        retryAfterMs: null,
        cause,
      };
    }
  }

  async #buy(token) {
    let answer;
    let body;
    try {
      answer = await this.#fetch(`${this.#base}/tickets`, {
        method: "POST",
        headers: { Authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(TICKET_MS),
      });
      body = await answer.json();
    } catch (cause) {
      throw unreachable(cause);
    }
    const date = Date.parse(answer.headers.get("date") ?? "");
    if (!Number.isNaN(date)) this.skewMs = Math.abs(date - Date.now()) < SAME_CLOCK_MS ? 0 : date - Date.now();
    if (answer.ok && body?.value) return body;
    const seconds = Number(answer.headers.get("retry-after"));
    throw explainRefusedTicket(answer.status, body?.error ?? {}, seconds ? 1000 * seconds : null);
  }
}

function unreachable(cause) {
  const silent = cause?.name === "TimeoutError";
  return {
    reason: "unreachable",
    code: 0,
    title: silent ? "The relay did not answer." : "The relay cannot be reached.",
    remedy: "Check that it is running and that this address is right.",
    retry: true,
    retryAfterMs: null,
    cause,
  };
}

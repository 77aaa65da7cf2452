// Ticket, WebSocket and retry: one session of the relay after another, events as they are.
// It never renames an event and knows nothing of audio.
//
// Events: "state" {state, why} · "event" {event} from the relay · "sent" {event} to the relay ·
// "ticket" {relay, session}. States: idle -> ticket -> connecting -> ready -> waiting | ended.
// "waiting" retries after a pause with back-off, only where the close code allows it.

import { explainClose } from "./close-reasons.js";

const TICKET_MS = 10_000;
const READY_MS = 25_000; // the relay's own dial and set-up may take 10 s each
const STABLE_MS = 20_000; // a session that lived this long starts the back-off anew
const MOST_TRIES = 6;
const SLOW_BYTES = 256 * 1024;

export class RealtimeSocket extends EventTarget {
  #bearer;
  #socket = null;
  #timer = 0;
  #tries = 0;
  #run = 0; // a ticket that comes for an earlier attempt is not used
  #readyAt = 0;
  #lastError = null;
  #pending = null;

  /** @param {{bearer: () => string}} options gives the bearer credential for POST /tickets */
  constructor({ bearer }) {
    super();
    this.#bearer = bearer;
  }

  state = "idle";
  why = null;
  /** Server clock minus ours, in milliseconds, from the ticket's Date header (1 s precise). */
  skewMs = 0;

  /** Resolves when a session is ready; rejects with {title, remedy} when it ends before. */
  connect() {
    if (this.state === "ready") return Promise.resolve();
    if (!this.#pending) {
      this.#pending = Promise.withResolvers?.() ?? withResolvers();
      this.#pending.promise.catch(() => {}); // some callers only watch the state
      this.#tries = 0;
    }
    if (this.state === "idle" || this.state === "ended" || this.state === "waiting") this.#start();
    return this.#pending.promise;
  }

  /** Send one client event; answers false when no session is ready. */
  send(event) {
    if (this.state !== "ready" || this.#socket.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(event));
    this.#tell("sent", { event });
    return true;
  }

  /** Whether what we send piles up because the uplink is slow. */
  get congested() {
    return (this.#socket?.bufferedAmount ?? 0) > SLOW_BYTES;
  }

  /** End the session; nothing is tried again. */
  close() {
    this.#run += 1;
    this.#drop()?.close(1000);
    this.#end({ code: 1000, title: "You closed the session.", remedy: "", retry: false });
  }

  async #start() {
    clearTimeout(this.#timer);
    this.#lastError = null;
    const run = (this.#run += 1);
    this.#enter("ticket");
    let ticket;
    try {
      ticket = await this.#ticket();
    } catch (why) {
      if (run === this.#run) this.#fail(why);
      return;
    }
    if (run !== this.#run) return; // closed meanwhile
    this.#tell("ticket", ticket);
    this.#open(ticket.value);
  }

  async #ticket() {
    let answer;
    let body;
    try {
      answer = await fetch("/tickets", {
        method: "POST",
        headers: { Authorization: `Bearer ${this.#bearer()}` },
        signal: AbortSignal.timeout(TICKET_MS),
      });
      body = await answer.json();
    } catch (cause) {
      const silent = cause.name === "TimeoutError";
      throw {
        code: 0,
        title: silent ? "The relay did not answer." : "The relay cannot be reached.",
        remedy: "Check that it is running and that this address is right.",
        retry: true,
      };
    }
    const date = Date.parse(answer.headers.get("date") ?? "");
    if (!Number.isNaN(date)) this.skewMs = Math.abs(date - Date.now()) < 2000 ? 0 : date - Date.now();
    if (answer.ok && body.value) return body;
    const error = body.error ?? {};
    const busy = answer.status === 429 || answer.status === 503;
    const seconds = Number(answer.headers.get("retry-after"));
    throw {
      code: answer.status,
      title: error.message || `The relay refused a ticket (HTTP ${answer.status}).`,
      remedy: busy ? "The page tries again by itself." : "Check the name in Settings and connect again.",
      retry: busy,
      retryAfterMs: error.retry_after_ms ?? (seconds ? 1000 * seconds : null),
    };
  }

  #open(credential) {
    this.#enter("connecting");
    const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
    const offered = ["realtime", `openai-insecure-api-key.${credential}`, "relay-events.v1"];
    const socket = new WebSocket(address, offered);
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code, reason }) => {
      this.#drop();
      this.#fail(explainClose(code, reason, this.#lastError));
    };
    this.#timer = setTimeout(() => {
      this.#drop()?.close(1000);
      const title = "The relay accepted the connection, but no session began.";
      this.#fail({
        code: 0,
        title,
        remedy: "The model may be unreachable; see the relay's log.",
        retry: true,
      });
    }, READY_MS);
  }

  #receive(data) {
    let event;
    try {
      event = JSON.parse(data);
    } catch {
      return; // not ours to judge; the relay sends JSON only
    }
    if (event.type === "error") {
      this.#lastError = {
        ...event.error,
        retry_after_ms: event.error?.retry_after_ms ?? event.retry_after_ms,
      };
    }
    if (event.type === "session.created" && this.state === "connecting") {
      clearTimeout(this.#timer);
      this.#readyAt = performance.now();
      this.#enter("ready");
      this.#pending?.resolve();
      this.#pending = null;
    }
    this.#tell("event", { event });
  }

  #fail(why) {
    if (this.#readyAt && performance.now() - this.#readyAt > STABLE_MS) this.#tries = 0;
    this.#readyAt = 0;
    this.#tries += 1;
    if (!why.retry || this.#tries > MOST_TRIES) {
      this.#end(why.retry ? { ...why, remedy: `${MOST_TRIES} more tries failed. ${why.remedy}` } : why);
      return;
    }
    const backOff = Math.min(30_000, 1000 * 2 ** (this.#tries - 1)) * (0.8 + 0.4 * Math.random());
    const pause = Math.max(backOff, why.retryAfterMs ?? 0);
    this.#timer = setTimeout(() => this.#start(), pause);
    this.#enter("waiting", { ...why, pauseMs: pause });
  }

  #end(why) {
    this.#enter("ended", why);
    this.#pending?.reject(why);
    this.#pending = null;
  }

  /** Forget the socket without hearing from it again; answers it for closing. */
  #drop() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    if (socket) socket.onmessage = socket.onclose = null;
    this.#socket = null;
    return socket;
  }

  #enter(state, why = null) {
    this.state = state;
    this.why = why;
    this.#tell("state", { state, why });
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** Promise.withResolvers for browsers before 2024. */
function withResolvers() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}

// Ticket, WebSocket and retry: one session of the relay after another, events as they are. It
// never renames an event, knows nothing of audio, and runs in Node as it does in a browser.
//
// States: idle -> ticket -> connecting -> ready -> waiting | ended. "waiting" retries after a
// pause with back-off, only where the close code allows it.

import { CLOSED_HERE, NO_SESSION, explainClose } from "./close-reasons.js";
import { eventsOf } from "./events-of.js";
import { IdentityKeeper } from "./identity.js";
import { Talker } from "./talker.js";
import { TicketOffice } from "./ticket-office.js";

const READY_MS = 25_000; // the relay's own dial and set-up may take 10 s each
const STABLE_MS = 20_000; // a session that lived this long starts the back-off anew
const SLOW_BYTES = 256 * 1024;
const OPEN = 1; // WebSocket.OPEN, which another constructor may lack
const PATHS = { preview: "/ws", ga: "/v1/realtime" };

export class RelaySocket extends Talker {
  #address;
  #make;
  #tries;
  #office;
  #identity;
  #socket = null;
  #timer = 0;
  #failed = 0;
  #run = 0; // a ticket that comes for an earlier attempt is not used
  #readyAt = 0;
  #lastError = null;
  #ready = null; // resolvers of connect()
  #closed = withResolvers();

  /** @param {import("./relay-client.js").RelaySocketOptions} options */
  constructor({
    url = globalThis.location?.origin,
    ticket = null,
    token = null,
    identity = null,
    dialect = "preview",
    model = null,
    tries = 6,
    WebSocket = globalThis.WebSocket,
    fetch = (...words) => globalThis.fetch(...words),
  } = {}) {
    super();
    if (!url) throw new TypeError("RelaySocket needs `url`: the relay's address.");
    if (!WebSocket) throw new TypeError("There is no WebSocket here: give RelaySocket a `WebSocket`.");
    if (!(dialect in PATHS)) throw new TypeError("`dialect` is \"preview\" or \"ga\".");
    const base = String(url).replace(/^ws/, "http").replace(/\/+$/, "");
    const query = model ? `?model=${encodeURIComponent(model)}` : "";
    this.#address = `${base.replace(/^http/, "ws")}${PATHS[dialect]}${query}`;
    this.#make = (...words) => new WebSocket(...words);
    this.#tries = tries;
    this.#office = new TicketOffice({ base, ticket, token, fetch });
    this.#identity = new IdentityKeeper({
      proof: identity ?? (async () => (await this.#office.take()).value),
      send: (event) => this.#write(event, { ...event, token: "(not shown)" }),
      tell: (news) => this._tell("identity", news),
    });
  }

  state = "idle";
  /** Why it is "waiting" or "ended": an Ending. */
  why = null;
  /** The session object as the relay last showed it, or null. */
  session = null;

  /** Server clock minus ours, in milliseconds, 0 where it is not known. */
  get skewMs() {
    return this.#office.skewMs;
  }

  /** Whether what we send piles up because the uplink is slow. */
  get congested() {
    return (this.#socket?.bufferedAmount ?? 0) > SLOW_BYTES;
  }

  /** Resolves to the Ending once nothing is tried again. Another `connect()` makes a new one. */
  get closed() {
    return this.#closed.promise;
  }

  /** Resolves when a session is ready; rejects with an Ending where it ends before. */
  connect() {
    if (this.state === "ready") return Promise.resolve();
    if (this.state === "ended") this.#closed = withResolvers();
    if (!this.#ready) {
      this.#ready = withResolvers();
      this.#ready.promise.catch(() => {}); // some callers only watch the state
      this.#failed = 0;
    }
    if (this.state === "idle" || this.state === "ended" || this.state === "waiting") this.#start();
    return this.#ready.promise;
  }

  /** Send one client event; answers false when no session is ready. */
  send(event) {
    return this.#write(event, event);
  }

  /** End the session; nothing is tried again. Answers `closed`. */
  close() {
    this.#run += 1;
    this.#drop()?.close(1000);
    this.#end(CLOSED_HERE);
    return this.closed;
  }

  /** Show the relay a fresh proof of the user now; it happens by itself when the relay warns. */
  renewIdentity() {
    return this.#identity.renew();
  }

  /** Events of the relay from now on, across retries, until the connection has ended. */
  [Symbol.asyncIterator]() {
    return eventsOf(this);
  }

  async #start() {
    clearTimeout(this.#timer);
    this.#lastError = null;
    const run = (this.#run += 1);
    this.#enter("ticket");
    let ticket;
    try {
      ticket = await this.#office.take();
    } catch (why) {
      if (run === this.#run) this.#fail(why);
      return;
    }
    if (run !== this.#run) return; // closed meanwhile
    const { value, ...about } = ticket;
    this._tell("ticket", about);
    this.#open(value);
  }

  #open(credential) {
    this.#enter("connecting");
    const offered = ["realtime", `openai-insecure-api-key.${credential}`, "relay-events.v1"];
    let socket;
    try {
      socket = this.#make(this.#address, offered);
    } catch (cause) {
      const title = "This ticket or address cannot be used in a WebSocket.";
      const remedy = "A ticket is what POST /tickets answered as `value`, an address begins with https.";
      this.#fail({ ...NO_SESSION, reason: "unusable", title, remedy, retry: false, cause });
      return;
    }
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onerror = () => {}; // the close that follows says more; some libraries throw without this
    socket.onclose = ({ code, reason }) => {
      this.#drop();
      this.#fail(explainClose(code, String(reason ?? ""), this.#lastError));
    };
    this.#timer = setTimeout(() => {
      this.#drop()?.close(1000);
      this.#fail(NO_SESSION);
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
    if (event.type === "session.created" || event.type === "session.updated") this.session = event.session;
    if (event.type === "session.created" && this.state === "connecting") {
      clearTimeout(this.#timer);
      this.#readyAt = performance.now();
      this.#enter("ready");
      this.#ready?.resolve();
      this.#ready = null;
    }
    this._tell("*", event);
    this._tell(event.type, event);
    this.#identity.hear(event);
  }

  #write(event, shown) {
    if (this.state !== "ready" || this.#socket.readyState !== OPEN) return false;
    this.#socket.send(JSON.stringify(event));
    this._tell("sent", shown);
    return true;
  }

  #fail(why) {
    if (this.#readyAt && performance.now() - this.#readyAt > STABLE_MS) this.#failed = 0;
    this.#readyAt = 0;
    this.#failed += 1;
    if (!why.retry || this.#failed > this.#tries) {
      const remedy = `${this.#tries} more tries failed. ${why.remedy}`;
      this.#end(why.retry && this.#tries ? { ...why, remedy } : why);
      return;
    }
    const backOff = Math.min(30_000, 1000 * 2 ** (this.#failed - 1)) * (0.8 + 0.4 * Math.random());
    const pauseMs = Math.max(backOff, why.retryAfterMs ?? 0);
    this.#timer = setTimeout(() => this.#start(), pauseMs);
    this.#enter("waiting", { ...why, pauseMs });
  }

  #end(why) {
    this.#enter("ended", why);
    this.#ready?.reject(why);
    this.#ready = null;
    this.#closed.resolve(why);
  }

  /** Forget the socket without hearing from it again; answers it for closing. */
  #drop() {
    clearTimeout(this.#timer);
    this.#identity.forget();
    this.session = null;
    const socket = this.#socket;
    if (socket) socket.onmessage = socket.onclose = null;
    this.#socket = null;
    return socket;
  }

  #enter(state, why = null) {
    this.state = state;
    this.why = why;
    this._tell("state", { state, why });
  }
}

/** Promise.withResolvers for engines before 2024. */
function withResolvers() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}

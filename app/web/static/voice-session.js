// The rules of taking turns: what is played, when playback stops, what the service is told about
// it. Binds a RealtimeSocket (events) to an AudioOut (sound); both may be faked in a test.
//
// On an interruption the order is: nothing more of that response is played, the queue is cleared,
// and for an item with audio left exactly one conversation.item.truncate says how much was heard.
// Event "interrupted" {item, heardMs, receivedMs} tells the transcript; "activity" tells the view.

const DONE_MS = 3000; // how long a cancelled response may take to say response.done

export class VoiceSession extends EventTarget {
  #socket;
  #out;
  #cut = new Set(); // responses whose late audio is dropped
  #parts = new Map(); // item id -> content index of its audio
  #idle = []; // resolvers waiting for the active response to end
  #requested = null; // event_id of a response.create not yet answered
  #count = 0;

  constructor(socket, out) {
    super();
    this.#socket = socket;
    this.#out = out;
    socket.addEventListener("event", ({ detail }) => this.#onEvent(detail.event));
    socket.addEventListener("state", ({ detail }) => {
      if (detail.state !== "ready") this.#forget(detail);
    });
  }

  /** The session object as last shown by the relay, or null. */
  session = null;
  /** Id of the response in progress, or null. */
  response = null;
  /** Whether the service hears the user speak right now. */
  hearing = false;

  /** Whether there is an answer to stop: being made, asked for, or still playing. */
  get answering() {
    return this.response !== null || this.#requested !== null || this.#out.busy;
  }

  /** Send a client event under a fresh event_id; answers that id, or null without a session. */
  send(event) {
    this.#count += 1;
    const event_id = `page_${this.#count}`;
    return this.#socket.send({ ...event, event_id }) ? event_id : null;
  }

  /** Add a typed message and ask for an answer, interrupting the present one. */
  async say(text) {
    await this.stop();
    this.send({
      type: "conversation.item.create",
      item: { type: "message", role: "user", content: [{ type: "input_text", text }] },
    });
    await this.#respond();
  }

  /** End a held turn: what was appended becomes a message and is answered. */
  async commit() {
    this.send({ type: "input_audio_buffer.commit" });
    await this.#respond();
  }

  /** Stop the answer: cancel it where it is still being made, silence, truncate. */
  async stop() {
    if (this.response !== null || this.#requested !== null) this.send({ type: "response.cancel" });
    await this.#silence();
  }

  async #respond() {
    if (this.response !== null || this.#requested !== null) await this.#ended();
    this.#requested = this.send({ type: "response.create" });
    this.#changed();
  }

  /** Resolves when no response is active: the service allows one at a time. */
  #ended() {
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      setTimeout(resolve, DONE_MS);
    });
  }

  async #silence() {
    if (this.response !== null) this.#cut.add(this.response);
    const items = await this.#out.clear();
    for (const one of items) {
      this.#tell("interrupted", one);
      if (!this.#parts.has(one.item)) continue; // of an earlier session: nobody to tell
      // At least 1 ms: the service refuses 0 as if the item had no audio at all.
      const audio_end_ms = Math.max(1, Math.floor(Math.min(one.heardMs, one.receivedMs)));
      const content_index = this.#parts.get(one.item);
      this.send({ type: "conversation.item.truncate", item_id: one.item, content_index, audio_end_ms });
    }
    this.#changed();
  }

  #onEvent(event) {
    switch (event.type) {
      case "session.created":
      case "session.updated":
        this.session = event.session;
        break;
      case "input_audio_buffer.speech_started":
        this.hearing = true;
        // Without interrupt_response the answer goes on, so it is also played on.
        if (this.session?.turn_detection?.interrupt_response !== false) this.#silence();
        break;
      case "input_audio_buffer.speech_stopped":
        this.hearing = false;
        break;
      case "response.created":
        this.#requested = null;
        this.response = event.response.id;
        break;
      case "response.audio.delta":
        if (this.#cut.has(event.response_id)) return;
        this.#parts.set(event.item_id, event.content_index);
        this.#out.play(event.item_id, event.delta);
        break;
      case "response.audio.done":
        this.#out.end(event.item_id);
        break;
      case "response.done":
        this.#onDone(event.response);
        break;
      case "error":
        if (this.#requested !== null && event.error?.event_id === this.#requested) this.#free();
        break;
      default:
        return;
    }
    this.#changed();
  }

  #onDone(response) {
    for (const item of response.output ?? []) this.#out.end(item.id);
    this.#cut.delete(response.id);
    if (this.response === response.id) this.#free();
  }

  #free() {
    this.response = null;
    this.#requested = null;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #forget({ state, why }) {
    this.#free();
    this.hearing = false;
    this.#cut.clear();
    this.#parts.clear();
    if (state === "ended" || state === "waiting") this.session = null;
    if (state === "ended" && why.code === 1000) this.#out.clear(); // the person wants quiet
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("activity"));
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

// The rules of taking turns: a typed message, a held turn, a stopped answer, one answer at a time.
// What is played, and what the service is told about it, is AudioOut's.
//
// Event "activity" tells the view that something has changed.

const DONE_MS = 3000; // how long a cancelled response may take to say response.done

export class VoiceSession extends EventTarget {
  #relay;
  #out;
  #idle = []; // resolvers waiting for the active response to end
  #requested = null; // event_id of a response.create not yet answered
  #count = 0;

  /** @param {RelaySocket} relay  @param {AudioOut} out made with the same relay, before */
  constructor(relay, out) {
    super();
    this.#relay = relay;
    this.#out = out;
    relay.on("*", (event) => this.#onEvent(event));
    relay.on("state", ({ state }) => {
      if (state !== "ready") this.#forget();
    });
  }

  /** Id of the response in progress, or null. */
  response = null;
  /** Whether the service hears the user speak right now. */
  hearing = false;

  /** The session object as last shown by the relay, or null. */
  get session() {
    return this.#relay.session;
  }

  /** Whether there is an answer to stop: being made, asked for, or still playing. */
  get answering() {
    return this.response !== null || this.#requested !== null || this.#out.busy;
  }

  /** Send a client event under a fresh event_id; answers that id, or null without a session. */
  send(event) {
    this.#count += 1;
    const event_id = `page_${this.#count}`;
    return this.#relay.send({ ...event, event_id }) ? event_id : null;
  }

  /** Add a typed message and ask for an answer, interrupting the present one. */
  async say(text) {
    await this.stop();
    this.send({
      type: "conversation.item.create",
      item: { type: "message", role: "user", content: [{ type: "input_text", text }] },
    });
    await this.respond();
  }

  /** Ask for an answer to what was said, once the present one has ended. */
  async respond() {
    if (this.response !== null || this.#requested !== null) await this.#ended();
    this.#requested = this.send({ type: "response.create" });
    this.#changed();
  }

  /** Stop the answer: cancel it where it is still being made, silence, truncate. */
  async stop() {
    if (this.response !== null || this.#requested !== null) this.send({ type: "response.cancel" });
    await this.#out.interrupt();
    this.#changed();
  }

  /** Resolves when no response is active: the service allows one at a time. */
  #ended() {
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      setTimeout(resolve, DONE_MS);
    });
  }

  #onEvent(event) {
    switch (event.type) {
      case "input_audio_buffer.speech_started":
        this.hearing = true;
        break;
      case "input_audio_buffer.speech_stopped":
        this.hearing = false;
        break;
      case "response.created":
        this.#requested = null;
        this.response = event.response.id;
        break;
      case "response.done":
        if (this.response === event.response.id) this.#free();
        break;
      case "error":
        if (this.#requested !== null && event.error?.event_id === this.#requested) this.#free();
        break;
    }
    this.#changed();
  }

  #free() {
    this.response = null;
    this.#requested = null;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #forget() {
    this.#free();
    this.hearing = false;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("activity"));
  }
}

// Keeps the user's sign-in fresh during a long conversation: when the relay warns that it runs
// out, the app is asked for the next proof, which is shown on the same connection
// (docs/sign-in.md, Long conversations). Speaks through the functions that it is given.

const MOST_TRIES = 5; // the relay looks at five proofs in a minute

export class IdentityKeeper {
  #proof;
  #send;
  #tell;
  #count = 0;
  #tries = 0;
  #run = 0;
  #timer = 0;
  #shown = null; // event_id of the update that waits for its answer

  /**
   * @param {Object} parts `proof` asks the app for a token or ticket; `send` answers whether the
   * update went out; `tell` is told {expiresAt} (Unix seconds, null for never) or {error}
   */
  constructor({ proof, send, tell }) {
    this.#proof = proof;
    this.#send = send;
    this.#tell = tell;
  }

  /** Every event of the relay passes by here. */
  hear(event) {
    if (event.type === "relay.warning" && event.limit === "identity") {
      this.#tries = 0;
      this.renew();
    } else if (event.type === "relay.identity.updated") {
      this.#shown = null;
      this.#tell({ expiresAt: event.expires_at ?? null, error: null });
    } else if (event.type === "error" && this.#shown !== null && event.error?.event_id === this.#shown) {
      this.#refused(event.error);
    }
  }

  /** Show a fresh proof now. */
  async renew() {
    const run = this.forget();
    let token;
    try {
      token = await this.#proof();
    } catch (error) {
      if (run === this.#run) this.#tell({ expiresAt: null, error });
      return;
    }
    if (run !== this.#run) return; // another session by now
    this.#count += 1;
    const event_id = `identity_${this.#count}`;
    if (this.#send({ type: "relay.identity.update", event_id, token })) this.#shown = event_id;
  }

  /** The session ended, or a newer proof is on its way. */
  forget() {
    clearTimeout(this.#timer);
    this.#shown = null;
    return (this.#run += 1);
  }

  #refused(error) {
    this.#shown = null;
    this.#tries += 1;
    if (error.retry_after_ms > 0 && this.#tries < MOST_TRIES) {
      this.#timer = setTimeout(() => this.renew(), error.retry_after_ms);
    } else {
      this.#tell({ expiresAt: null, error });
    }
  }
}

// The transcript as data: one turn per conversation item, fed with server events. Pure: no DOM,
// no clock, no socket; runs in Node as it is. `apply` answers the ids of the turns that changed.
//
// A turn: {id, role: "user"|"assistant"|"tool"|"divider", by: "voice"|"text", text, state, heard,
// note}. States of a user's turn: listening, transcribing, done; of an answer: speaking, done,
// interrupted, failed. `heard` is how many characters of an interrupted answer were audible.

/**
 * Where to cut `text` when `heardMs` of `receivedMs` were heard: audio and words run at the same
 * pace, near enough. Never inside a word.
 */
export function heardCharacters(text, heardMs, receivedMs) {
  if (receivedMs <= 0 || heardMs >= receivedMs) return text.length;
  const at = Math.round((text.length * Math.max(0, heardMs)) / receivedMs);
  if (at === 0) return 0;
  const before = text.lastIndexOf(" ", at) + 1; // the gap belongs to what was heard
  const after = text.indexOf(" ", at) + 1;
  return after === 0 || at - before <= after - at ? before : after;
}

export class Conversation {
  turns = [];
  #byId = new Map();
  #shares = new Map(); // item id -> {heardMs, receivedMs} of an interrupted answer

  turn(id) {
    return this.#byId.get(id);
  }

  /** Put a line between two sessions: the model remembers nothing of what stands above it. */
  divide(text) {
    if (this.turns.length === 0 || this.turns.at(-1).role === "divider") return [];
    return this.#add({ id: `divider-${this.turns.length}`, role: "divider", text, state: "done" });
  }

  /** An answer was cut off after `heardMs` of `receivedMs`. */
  interrupted(id, heardMs, receivedMs) {
    const turn = this.#byId.get(id);
    if (!turn) return [];
    this.#shares.set(id, { heardMs, receivedMs });
    turn.state = "interrupted";
    this.#cut(turn);
    return [id];
  }

  apply(event) {
    switch (event.type) {
      case "input_audio_buffer.speech_started":
        return this.#user(event.item_id, "listening", "voice");
      case "input_audio_buffer.speech_stopped":
      case "input_audio_buffer.committed":
        return this.#user(event.item_id, "transcribing", "voice");
      case "conversation.item.created":
        return this.#created(event.item);
      case "conversation.item.deleted":
        return this.#remove(event.item_id);
      case "conversation.item.input_audio_transcription.delta":
        return this.#heardUser(event.item_id, event.delta, false);
      case "conversation.item.input_audio_transcription.completed":
        return this.#heardUser(event.item_id, event.transcript, true);
      case "conversation.item.input_audio_transcription.failed":
        return this.#change(event.item_id, { state: "done", note: "Could not be transcribed." });
      case "response.output_item.added":
        return this.#answer(event.item, event.response_id);
      case "response.audio_transcript.delta":
      case "response.text.delta":
        return this.#grow(event.item_id, event.delta);
      case "response.audio_transcript.done":
        return this.#finishText(event.item_id, event.transcript);
      case "response.text.done":
        return this.#finishText(event.item_id, event.text);
      case "response.function_call_arguments.done":
        return this.#change(event.item_id, { text: event.arguments });
      case "response.done":
        return this.#responseDone(event.response);
      default:
        return [];
    }
  }

  #add(turn) {
    const whole = { by: "text", text: "", state: "done", heard: null, note: "", name: "", ...turn };
    this.turns.push(whole);
    this.#byId.set(whole.id, whole);
    return [whole.id];
  }

  #change(id, fields) {
    const turn = this.#byId.get(id);
    if (!turn) return [];
    Object.assign(turn, fields);
    return [id];
  }

  #remove(id) {
    if (!this.#byId.delete(id)) return [];
    this.turns = this.turns.filter((turn) => turn.id !== id);
    return [id];
  }

  #user(id, state, by) {
    const turn = this.#byId.get(id);
    if (!turn) return this.#add({ id, role: "user", state, by });
    if (turn.state === "listening") turn.state = state;
    return [id];
  }

  #created(item) {
    if (item.role !== "user" || this.#byId.has(item.id)) return [];
    const spoken = item.content?.some((part) => part.type === "input_audio");
    const text =
      item.content
        ?.map((part) => part.text ?? part.transcript ?? "")
        .join(" ")
        .trim() ?? "";
    const state = spoken && !text ? "transcribing" : "done";
    return this.#add({ id: item.id, role: "user", by: spoken ? "voice" : "text", text, state });
  }

  #heardUser(id, text, whole) {
    const turn = this.#byId.get(id);
    if (!turn) return [];
    turn.text = whole ? text.trim() : turn.text + text;
    if (whole) {
      turn.state = "done";
      if (!turn.text) turn.note = "No words were recognised.";
    }
    return [id];
  }

  #answer(item, response) {
    if (this.#byId.has(item.id)) return [];
    const tool = item.type === "function_call";
    if (!tool && item.role !== "assistant") return [];
    return this.#add({
      id: item.id,
      role: tool ? "tool" : "assistant",
      by: "voice",
      state: "speaking",
      name: item.name ?? "",
      response,
    });
  }

  #grow(id, delta) {
    const turn = this.#byId.get(id);
    if (!turn) return [];
    turn.text += delta;
    this.#cut(turn);
    return [id];
  }

  #finishText(id, text) {
    const turn = this.#byId.get(id);
    if (!turn) return [];
    if (text) turn.text = text;
    this.#cut(turn);
    return [id];
  }

  #cut(turn) {
    const share = this.#shares.get(turn.id);
    if (share) turn.heard = heardCharacters(turn.text, share.heardMs, share.receivedMs);
  }

  #responseDone(response) {
    const changed = this.turns.filter((turn) => turn.response === response.id);
    for (const turn of changed) {
      if (turn.state !== "speaking") continue;
      turn.state = response.status === "cancelled" ? "interrupted" : "done";
      if (response.status === "incomplete") {
        const filtered = response.status_details?.reason === "content_filter";
        turn.note = filtered ? "Cut by the content filter." : "Cut at the length limit.";
      }
    }
    if (response.status !== "failed") return changed.map((turn) => turn.id);
    const message = response.status_details?.error?.message || "The model gave no reason.";
    for (const turn of changed) Object.assign(turn, { state: "failed", note: message });
    if (changed.length > 0) return changed.map((turn) => turn.id);
    return this.#add({ id: response.id, role: "assistant", state: "failed", note: message });
  }
}

// Every event of the session as data, audio payloads shortened, for reading, filtering and
// download. Pure: the caller says what time it is.

import { base64Bytes, pcmMilliseconds } from "./pcm.js";

const MOST = 5000;
const AUDIO = new Set(["input_audio_buffer.append", "response.audio.delta"]);

function shortenText(text) {
  const bytes = base64Bytes(text);
  return `<audio, ${bytes} bytes, ${Math.round(pcmMilliseconds(bytes))} ms>`;
}

/** A copy of an event in which base64 audio is replaced by its size. */
export function shorten(event) {
  if (event.type === "response.audio.delta") return { ...event, delta: shortenText(event.delta) };
  return shortenValue(event);
}

function shortenValue(value) {
  if (Array.isArray(value)) return value.map(shortenValue);
  if (value === null || typeof value !== "object") return value;
  const copy = {};
  for (const [key, inner] of Object.entries(value)) {
    copy[key] = key === "audio" && typeof inner === "string" ? shortenText(inner) : shortenValue(inner);
  }
  return copy;
}

/** The few words beside a type that make a log readable without opening each row. */
function summarise(event) {
  switch (event.type) {
    case "error":
      return `${event.error?.code ?? event.error?.type ?? ""}: ${event.error?.message ?? ""}`;
    case "response.audio.delta":
      return event.delta;
    case "input_audio_buffer.append":
      return event.audio;
    case "response.audio_transcript.delta":
    case "response.text.delta":
      return `“${event.delta}”`;
    case "response.done":
      return [event.response?.status, event.response?.status_details?.reason].filter(Boolean).join(", ");
    case "conversation.item.truncate":
    case "conversation.item.truncated":
    case "input_audio_buffer.speech_stopped":
      return `at ${event.audio_end_ms} ms`;
    case "input_audio_buffer.speech_started":
      return `at ${event.audio_start_ms} ms`;
    case "conversation.item.input_audio_transcription.completed":
      return `“${event.transcript}”`;
    case "relay.warning":
      return `${event.limit}, ${Math.round(event.remaining_ms / 1000)} s left`;
    default:
      return policyWords(event.relay ?? {});
  }
}

function policyWords({ ignored = [], changed = {}, would = {} }) {
  const fields = { ignored, changed: Object.keys(changed), "only tries a rule on": Object.keys(would) };
  return Object.entries(fields)
    .filter(([, names]) => names.length > 0)
    .map(([did, names]) => `policy ${did} ${names.join(", ")}`)
    .join("; ");
}

/** Whether an entry passes {text, audio, direction: "both"|"sent"|"received"}. */
export function matches(entry, filter) {
  if (entry.audio && !filter.audio) return false;
  if (filter.direction !== "both" && entry.direction !== filter.direction) return false;
  const text = filter.text.trim().toLowerCase();
  return !text || entry.type.includes(text) || entry.summary.toLowerCase().includes(text);
}

/** "30 events", or "2 of 30 events" under a filter. Hidden audio is in neither number. */
export function countWords(entries, filter) {
  const all = filter.audio ? entries.length : entries.filter((entry) => !entry.audio).length;
  if (!filter.text.trim() && filter.direction === "both") return `${all} events`;
  return `${entries.filter((entry) => matches(entry, filter)).length} of ${all} events`;
}

export class EventLog {
  entries = [];
  total = 0;
  #start = null;

  /** @param {"sent"|"received"|"page"} direction  @param {number} now milliseconds */
  add(direction, event, now) {
    this.#start ??= now;
    const short = shorten(event);
    const entry = {
      number: (this.total += 1),
      at: now - this.#start,
      direction,
      type: String(event.type),
      audio: AUDIO.has(event.type),
      audioBytes: AUDIO.has(event.type) ? base64Bytes(event.audio ?? event.delta) : 0,
      summary: summarise(short),
      event: short,
    };
    this.entries.push(entry);
    if (this.entries.length > MOST) this.entries.splice(0, MOST / 10);
    return entry;
  }

  clear() {
    this.entries = [];
  }

  /** JSON lines: {at_ms, direction, event}. */
  text(filter) {
    return this.entries
      .filter((entry) => matches(entry, filter))
      .map(({ at, direction, event }) => JSON.stringify({ at_ms: Math.round(at), direction, event }))
      .join("\n");
  }
}

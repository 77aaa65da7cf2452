// How long a person waits: from the end of their turn to the first audio delta and to the first
// sound. Pure: the caller says what time it is, in milliseconds.
//
// A turn ends with speech_stopped (voice), with the commit (held) or with the request (typed).

export function median(values) {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export class Latency {
  #open = null;
  #byItem = new Map();
  /** Finished measurements, oldest first: {item, delta, sound} in milliseconds. */
  rows = [];

  turnEnded(now) {
    this.#open = { endedAt: now };
  }

  /** The first audio delta of an item; answers true when it opened a measurement. */
  delta(item, now) {
    if (!this.#open) return false;
    this.#byItem.set(item, { ...this.#open, deltaAt: now });
    this.#open = null;
    return true;
  }

  /** The item became audible; answers the finished row, or null when it was not being measured. */
  sound(item, now) {
    const one = this.#byItem.get(item);
    if (!one) return null;
    this.#byItem.delete(item);
    const row = { item, delta: one.deltaAt - one.endedAt, sound: now - one.endedAt };
    this.rows.push(row);
    if (this.rows.length > 100) this.rows.shift();
    return row;
  }

  /** {count, last: {delta, sound}|null, median: {delta, sound}} */
  summary() {
    return {
      count: this.rows.length,
      last: this.rows.at(-1) ?? null,
      median: {
        delta: median(this.rows.map((row) => row.delta)),
        sound: median(this.rows.map((row) => row.sound)),
      },
    };
  }
}

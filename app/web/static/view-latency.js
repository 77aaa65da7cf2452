// The latency strip: the last turn large, the median of the session small.

import { find } from "./dom.js";

const words = (ms) => (ms === null || ms === undefined ? "–" : `${Math.round(ms)} ms`);

export function showLatency({ count, last, median }) {
  for (const part of ["delta", "sound"]) {
    find(`latency-${part}`).textContent = words(last?.[part]);
    const note = count === 0 ? "no turn yet" : count === 1 ? "1 turn" : `median ${words(median[part])}`;
    find(`latency-${part}-median`).textContent = note;
  }
}

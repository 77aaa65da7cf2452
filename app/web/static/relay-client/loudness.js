// How loud something is right now, on a scale that matches the eye.

const FLOOR_DB = -54;

/** Loudness of an AnalyserNode's latest window: 0 (silence) to 1 (full scale), in decibels. */
export function loudness(analyser) {
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibels = 10 * Math.log10(sum / samples.length + 1e-12);
  return Math.max(0, Math.min(1, 1 - decibels / FLOOR_DB));
}

/** Time between two pulses, milliseconds. With the answer of `getStats` it bounds how long a leak can go unseen. */
export const PULSE_MS = 200;

/** Calls `beat` every {@link PULSE_MS}; workers are not slowed down in background tabs. Returns how to stop it. */
export function pulseEvery(beat: () => void): () => void {
  const timer = setInterval(beat, PULSE_MS);
  return () => clearInterval(timer);
}

/** The smallest step of the clock that could be seen in 2 ms, milliseconds. */
export function clockResolution(): number {
  let step = Infinity;
  const began = performance.now();
  let last = began;
  while (last - began < 2) {
    const now = performance.now();
    if (now > last) step = Math.min(step, now - last);
    last = now;
  }
  return Number(step.toFixed(4));
}

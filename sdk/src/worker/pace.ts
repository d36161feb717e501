/** How closely frames follow each other in this worker: it decides where a cipher runs. */

/** Frames that come closer than this on average, milliseconds, whatever their track, come one on the heels of the other. */
const BUSY_MS = 0.25;

/** The worker's pace, over all of its tracks: frames since the clock was read, when that was, what it says. */
export const pace = { frames: 0, at: -Infinity, busy: false };

/** Reads the clock, and with it the pace. */
export function clock(): number {
  const now = performance.now();
  pace.busy = now - pace.at < BUSY_MS * pace.frames;
  [pace.at, pace.frames] = [now, 0];
  return now;
}

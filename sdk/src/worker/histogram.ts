import type { Timing } from "../protocol.ts";

/** Eight buckets to each doubling, from 1 microsecond to about 4 seconds. */
const SUB = 8;
const BUCKETS = 22 * SUB;

/** Cost of frames in fixed buckets: `add` allocates nothing. Percentiles are exact to one eighth of a doubling. */
export class Histogram {
  readonly #buckets = new Uint32Array(BUCKETS);
  #count = 0;
  #sum = 0;
  #max = 0;

  /** Adds one cost in milliseconds. */
  add(ms: number): void {
    this.#count++;
    this.#sum += ms;
    if (ms > this.#max) this.#max = ms;
    const at = ms <= 0.001 ? 0 : Math.min(BUCKETS - 1, Math.floor(Math.log2(ms * 1000) * SUB));
    this.#buckets[at] = (this.#buckets[at] ?? 0) + 1;
  }

  /** The figures so far. */
  timing(): Timing {
    return {
      count: this.#count,
      mean: this.#count === 0 ? 0 : round(this.#sum / this.#count),
      p50: this.#percentile(0.5),
      p99: this.#percentile(0.99),
      max: round(this.#max),
    };
  }

  #percentile(p: number): number {
    const rank = Math.ceil(this.#count * p);
    if (rank === 0) return 0;
    let seen = 0;
    for (let at = 0; at < BUCKETS; at++) {
      seen += this.#buckets[at] ?? 0;
      if (seen >= rank) return at === 0 ? 0 : round(Math.min(this.#max, 2 ** ((at + 0.5) / SUB) / 1000));
    }
    return round(this.#max);
  }
}

function round(ms: number): number {
  return Math.round(ms * 10_000) / 10_000;
}

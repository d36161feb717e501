const WORD_BITS = 32;
const WORDS = 64;

/** How far behind the newest counter a frame may arrive and still pass; the same number as in the core. */
export const REPLAY_WINDOW = 1984;

/** What the window says of a counter that was not authenticated yet. */
export type Freshness = "fresh" | "seen" | "too-old";

/** Remembers which counters were authenticated (the scheme of RFC 6479). */
export class ReplayWindow {
  readonly #bits = new Uint32Array(WORDS);
  /** One above the highest authenticated counter. */
  #next = 0;

  /** Looks `ctr` up; changes nothing. */
  check(ctr: number): Freshness {
    if (ctr >= this.#next) return "fresh";
    if (this.#next - 1 - ctr >= REPLAY_WINDOW) return "too-old";
    return ((this.#bits[word(ctr)] ?? ~0) & bit(ctr)) === 0 ? "fresh" : "seen";
  }

  /** Marks `ctr` as seen: only for a frame that was authenticated. */
  mark(ctr: number): void {
    if (ctr >= this.#next) {
      const newest = Math.floor(Math.max(0, this.#next - 1) / WORD_BITS);
      const ahead = Math.min(WORDS, Math.floor(ctr / WORD_BITS) - newest);
      for (let n = 1; n <= ahead; n++) this.#bits[(newest + n) % WORDS] = 0;
      this.#next = ctr + 1;
    }
    const at = word(ctr);
    this.#bits[at] = (this.#bits[at] ?? 0) | bit(ctr);
  }
}

function word(ctr: number): number {
  return Math.floor(ctr / WORD_BITS) % WORDS;
}

function bit(ctr: number): number {
  return 1 << (ctr % WORD_BITS);
}

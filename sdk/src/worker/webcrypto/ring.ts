/**
 * The keys of one participant, for opening. Looking never changes the ring; only an authenticated frame moves a
 * replay window, a ratchet or a generation. The same rules as the core's ring.
 */
import { Code } from "../../codes.ts";
import { ReplayWindow } from "./replay.ts";
import { baseKey, type FrameKey, fingerprint, frameKey, type GcmSuite, RATCHET_BITS, ratchet, STEPS } from "./schedule.ts";

/** How many steps ahead a receiver follows. */
const RATCHET_REACH = 16;
/** How long a superseded key still opens frames, milliseconds. */
const LINGER_MS = 10_000;
const MAX_LIVE_KEYS = 8;

interface LiveKey {
  readonly generation: number;
  readonly step: number;
  readonly base: CryptoKey;
  proven: boolean;
  retireAt: number;
}

/** A frame key in use, or one that a frame would prove. */
export interface OpenKey {
  readonly kid: number;
  readonly kind: number;
  readonly frame: FrameKey;
  readonly window: ReplayWindow;
  /** The base key to keep when a frame proves it; `null` when it is kept already. */
  readonly fresh: { readonly generation: number; readonly step: number; readonly base: CryptoKey } | null;
}

/** Where the base keys of a participant come from. */
export interface Source {
  readonly suite: GcmSuite;
  readonly call: string;
  readonly who: string;
  readonly secret: CryptoKey;
  readonly incarnation: Uint8Array;
}

/** See the file's comment. */
export class Ring {
  readonly #source: Source;
  readonly #open = new Map<string, OpenKey>();
  #live: LiveKey[] = [];
  #now = 0;

  constructor(source: Source) {
    this.#source = source;
  }

  get suite(): GcmSuite {
    return this.#source.suite;
  }

  /** A frame key in use. */
  find(kid: number, kind: number): OpenKey | undefined {
    return this.#open.get(`${kid}/${kind}`);
  }

  /** Derives aside the key that `kid` names, or gives an error code. */
  async candidate(kid: number, kind: number): Promise<OpenKey | number> {
    const generation = Math.floor(kid / STEPS);
    if (generation > 0xffff_ffff) return Code.UnknownKey;
    const found = await this.#locate(generation, kid % STEPS);
    if (typeof found === "number") return found;
    const { suite, call, who } = this.#source;
    const frame = await frameKey(suite, found.base, call, who, kind, kid, "decrypt");
    const kept = this.#live.some((key) => key.generation === found.generation && key.step === found.step);
    return { kid, kind, frame, window: new ReplayWindow(), fresh: kept ? null : found };
  }

  /** A frame was authenticated under `key`: the one door by which a frame changes the ring. */
  commit(key: OpenKey, ctr: number): void {
    const place = `${key.kid}/${key.kind}`;
    const raced = this.#open.get(place);
    if (raced !== undefined) {
      raced.window.mark(ctr);
      return;
    }
    key.window.mark(ctr);
    // Retired while the frame was being opened: what went does not come back.
    if (key.fresh === null && !this.#live.some((live) => place64(live) === key.kid)) return;
    if (key.fresh !== null) this.#insert({ ...key.fresh, proven: false, retireAt: Infinity });
    this.#open.set(place, { ...key, fresh: null });
    const linger = this.#now + LINGER_MS;
    const newest = Math.max(-1, ...this.#live.filter((live) => live.proven).map(place64));
    const here = key.kid;
    for (const live of this.#live) {
      const at = place64(live);
      if (at === here) live.proven = true;
      if (at < here || (at === here && newest > here)) live.retireAt = Math.min(live.retireAt, linger);
    }
  }

  /** Drops keys whose linger has passed. */
  tick(now: number): void {
    this.#now = Math.max(this.#now, now);
    for (const key of this.#live.filter((live) => live.retireAt <= this.#now)) this.#forget(key);
  }

  /** For reports: places and fingerprints. */
  async keys(): Promise<object[]> {
    return Promise.all(
      this.#live.map(async ({ generation, step, base, proven }) => ({
        generation,
        step,
        fingerprint: await fingerprint(base),
        proven,
      })),
    );
  }

  async #locate(
    generation: number,
    low: number,
  ): Promise<{ generation: number; step: number; base: CryptoKey } | number> {
    const live = this.#live.filter((key) => key.generation === generation);
    const exact = live.find((key) => key.step % STEPS === low);
    if (exact !== undefined) return exact;
    if (live.length === 0) return this.#locateGeneration(generation, low);
    // A sender makes at most STEPS steps in a generation, so the low bits are the step.
    const from = live.filter((key) => key.step < low).sort((a, b) => b.step - a.step)[0];
    if (from === undefined) return Code.UnknownKey;
    return { generation, step: low, base: await this.#steps(from.base, low - from.step) };
  }

  async #locateGeneration(generation: number, low: number): Promise<{ generation: number; step: number; base: CryptoKey } | number> {
    const at = place64({ generation, step: low });
    if (this.#live.some((key) => place64(key) > at)) return Code.UnknownKey;
    if (low > RATCHET_REACH) return Code.TooFar;
    const { secret, call, who, incarnation } = this.#source;
    const base = await baseKey(secret, call, who, incarnation, generation);
    return { generation, step: low, base: await this.#steps(base, low) };
  }

  async #steps(base: CryptoKey, count: number): Promise<CryptoKey> {
    let key = base;
    for (let n = 0; n < count; n++) key = await ratchet(this.#source.suite, key);
    return key;
  }

  #insert(key: LiveKey): void {
    if (this.#live.length >= MAX_LIVE_KEYS) {
      const oldest = this.#live.reduce((a, b) => (place64(a) < place64(b) ? a : b));
      this.#forget(oldest);
    }
    this.#live.push(key);
  }

  #forget(key: LiveKey): void {
    this.#live = this.#live.filter((live) => live !== key);
    for (const [place, open] of this.#open) if (open.kid === place64(key)) this.#open.delete(place);
  }
}

/** The KID of a generation's step; with a `STEPS`-bounded step it also orders keys by age. */
function place64(key: { readonly generation: number; readonly step: number }): number {
  return key.generation * 2 ** RATCHET_BITS + key.step;
}

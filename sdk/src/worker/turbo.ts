/**
 * WebCrypto as an executor: the core lays a frame out and takes the counter, WebCrypto runs the one AEAD call, the
 * core finishes. It is many times faster by the byte, but a call costs a hop to another thread and back: some
 * microseconds while frames come one on the heels of the other, and five to ten times that when everything had time
 * to fall asleep. So where the line lies depends on which it is; both were measured (`docs/benchmarks.md`).
 */

/** Frames of this many bytes and more go to WebCrypto while the worker is busy. */
export const TURBO_MIN_BYTES = 576;
/** Frames of this many bytes and more go there at any time. */
export const TURBO_IDLE_MIN_BYTES = 8192;

/** True for the suites that WebCrypto has as one call: AES-GCM. */
export function turboSuite(suite: number): boolean {
  return suite === 4 || suite === 5;
}

/** Where a key comes from when it is not known yet. */
export interface KeySource {
  kid: number;
  epoch: number;
  bytes(): Uint8Array | null;
}

/** Imported AEAD keys of one lane: the current one and the one before, which late frames still use. */
export class TurboKeys {
  readonly #usage: "encrypt" | "decrypt";
  #current: Held | null = null;
  #previous: Held | null = null;
  #importing = false;

  constructor(usage: "encrypt" | "decrypt") {
    this.#usage = usage;
  }

  /** The key, or `null` when it must be imported first (see {@link TurboKeys.learn}). */
  find(kid: number, epoch: number): CryptoKey | null {
    const held = this.#current;
    if (held !== null && held.kid === kid && held.epoch === epoch) return held.key;
    const older = this.#previous;
    return older !== null && older.kid === kid && older.epoch === epoch ? older.key : null;
  }

  /** The key that was imported last, if it is of this epoch. */
  newest(epoch: number): Keyed | null {
    return this.#current?.epoch === epoch ? this.#current : null;
  }

  /** Imports a key in the background, non-extractable; the bytes are wiped. Frames meanwhile go the other way. */
  learn(kid: number, epoch: number, bytes: Uint8Array): void {
    if (this.#importing) {
      bytes.fill(0);
      return;
    }
    this.#importing = true;
    const imported = crypto.subtle.importKey("raw", bytes as BufferSource, "AES-GCM", false, [this.#usage]);
    bytes.fill(0); // importKey copied it before it returned
    imported.then(
      (key) => {
        this.#previous = this.#current;
        this.#current = { kid, epoch, key };
        this.#importing = false;
      },
      () => {
        this.#importing = false;
      },
    );
  }
}

/** A key in WebCrypto, and its number. */
export interface Keyed {
  readonly kid: number;
  readonly key: CryptoKey;
}

interface Held extends Keyed {
  readonly epoch: number;
}

/** An identity that outlives calls, kept in the browser: who compared codes once knows it again. */
import { Kept as KeptRecord, shown } from "../../wasm/identity.js";
import { E2eeError } from "../errors.ts";
import { hex, unhex } from "../hex.ts";
import type { SessionIdentity, Somebody, Trust, Verdict, Why } from "../session/members.ts";
import { type IdentityWasm, load } from "./module.ts";
import { type Kept, open, Profiles, seal, sealingKey } from "./profiles.ts";

/** Options of {@link indexedDbIdentity}. */
export interface KeptOptions {
  /** The application's name for this identity, such as an account. Default: `default`. */
  readonly profile?: string;
  /** Name of the IndexedDB database. Default: `frameseal-identity`. */
  readonly database?: string;
  /** What this member shows beside it, and whose word it takes: an `openIdIdentity` with a login, for example. */
  readonly further?: SessionIdentity;
  /** Asks the browser not to clear it when space is short; Firefox asks the person. Default: true. */
  readonly persist?: boolean;
  /** The identity module. Default: beside this one. */
  readonly wasm?: IdentityWasm;
}

/** Made by {@link indexedDbIdentity}. */
export interface KeptIdentity extends SessionIdentity {
  /** What others know this identity by: an Ed25519 public key, 64 hexadecimal digits. */
  readonly key: string;
  /** When it was made, milliseconds since 1970. */
  readonly made: number;
  /** It was made just now: there was none, or the browser cleared it. Others do not know it yet. */
  readonly fresh: boolean;
  proof(key: Uint8Array): Promise<Uint8Array>;
  /**
   * `verified` for whom codes were compared with, else what `further` says, else `unverified`; `refused` for who shows an
   * identity that is not its own.
   */
  readonly verdict: Verdict;
  /** The identity that a member shows, as {@link key}; `null`: none that outlives this call, or not its own. */
  keyOf(of: Somebody): string | null;
  /** When codes were compared with a member, milliseconds since 1970; `null`: never, or it shows no such identity. */
  compared(of: Somebody): Promise<number | null>;
  /** Remembers that codes were compared and are the same. Rejects with `BadOption` where the member shows no such identity. */
  remember(of: Somebody): Promise<void>;
  /** Takes that back. */
  forget(of: Somebody): Promise<void>;
}

const DATABASE = "frameseal-identity";
const PROFILE = "default";
const KEY_LENGTH = 32;
/** How often one begins again when another tab was faster. */
const ATTEMPTS = 20;

/**
 * The identity of a profile, made when there is none. Its secret key is sealed in IndexedDB under a key that no script can
 * read.
 *
 * @throws E2eeError `Unsupported` without IndexedDB, `NotAuthentic` where what is kept does not open, `WasmFailed`.
 */
export async function indexedDbIdentity(options: KeptOptions = {}): Promise<KeptIdentity> {
  const { profile = PROFILE, database = DATABASE, further, persist = true } = options;
  const memory = await load(options.wasm);
  const records = new Records(new Profiles(database), profile, memory);
  if (persist) void navigator.storage?.persist?.().catch(() => false);
  const { fresh, key, made } = await records.begin();

  const read = ({ proof, key: callKey }: Somebody): { key: Uint8Array | null; further: Uint8Array<ArrayBuffer> } => {
    const found = shown(proof, unhex(callKey)) as Uint8Array<ArrayBuffer>;
    const has = found[0] === 1;
    return { key: has ? found.slice(1, 1 + KEY_LENGTH) : null, further: found.slice(has ? 1 + KEY_LENGTH : 1) };
  };
  const identityOf = (one: Somebody): Uint8Array | null => {
    try {
      return read(one).key;
    } catch {
      return null;
    }
  };
  const compared = async (one: Somebody): Promise<number | null> => {
    const found = identityOf(one);
    if (found === null) return null;
    const when = await records.use((record) => record.compared(found));
    return when < 0 ? null : when;
  };
  return {
    key,
    made,
    fresh,
    proof: async (callKey) => {
      const more = (await further?.proof?.(callKey)) ?? new Uint8Array();
      const proof = await records.use((record) => record.prove(callKey, more));
      if (proof.length === 0) throw new E2eeError("BadKey", "a signature key has 32 bytes");
      return proof;
    },
    verdict: async (one: Somebody, why: Why): Promise<Trust> => {
      let found;
      try {
        found = read(one);
      } catch {
        return "refused";
      }
      const trust = (await further?.verdict?.({ ...one, proof: found.further }, why)) ?? "unverified";
      // A store that cannot be read makes nobody a stranger who must go.
      return trust === "unverified" && (await compared(one).catch(() => null)) !== null ? "verified" : trust;
    },
    keyOf: (one) => {
      const found = identityOf(one);
      return found === null ? null : hex(found);
    },
    compared,
    remember: async (one) => {
      const found = identityOf(one);
      if (found === null) throw new E2eeError("BadOption", `${one.name} shows no identity that outlives this call`);
      await records.change((record) => record.remember(found, Date.now()));
    },
    forget: async (one) => {
      const found = identityOf(one);
      if (found !== null) await records.change((record) => record.forget(found));
    },
  };
}

/** Forgets the identity of a profile, and whom it compared codes with. That there is none is no error. */
export async function removeIdentity({ profile = PROFILE, database = DATABASE }: Pick<KeptOptions, "profile" | "database"> = {}): Promise<void> {
  await new Profiles(database).remove(profile);
}

/** One profile's record: open only while it is used. */
class Records {
  readonly #profiles: Profiles;
  readonly #profile: string;
  readonly #memory: WebAssembly.Memory;

  constructor(profiles: Profiles, profile: string, memory: WebAssembly.Memory) {
    this.#profiles = profiles;
    this.#profile = profile;
    this.#memory = memory;
  }

  /** Finds it, or makes it. Of two tabs that make it at once, both take the first one's. */
  async begin(): Promise<{ fresh: boolean; key: string; made: number }> {
    let fresh = false;
    if ((await this.#profiles.read(this.#profile)) === undefined) {
      const record = new KeptRecord(crypto.getRandomValues(new Uint8Array(KEY_LENGTH)), Date.now());
      fresh = await this.#profiles.replace(this.#profile, undefined, await this.#seal(record, await sealingKey()));
    }
    return this.use((record) => ({ fresh, key: hex(record.key()), made: record.made() }));
  }

  async use<T>(use: (record: KeptRecord) => T): Promise<T> {
    const record = await this.#open(await this.#read());
    try {
      return use(record);
    } finally {
      record.free();
    }
  }

  async change(change: (record: KeptRecord) => void): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const was = await this.#read();
      const record = await this.#open(was);
      change(record);
      if (await this.#profiles.replace(this.#profile, was, await this.#seal(record, was.key))) return;
    }
    throw new E2eeError("Unsupported", `the identity "${this.#profile}" is changed all the time by other tabs`);
  }

  async #read(): Promise<Kept> {
    const kept = await this.#profiles.read(this.#profile);
    if (kept === undefined) throw new E2eeError("BadOption", `the identity "${this.#profile}" was removed`);
    return kept;
  }

  async #open(kept: Kept): Promise<KeptRecord> {
    const plain = await open(kept, this.#profile);
    try {
      return KeptRecord.read(plain);
    } catch (error) {
      throw new E2eeError("NotAuthentic", `the identity "${this.#profile}": ${String(error)}`);
    } finally {
      plain.fill(0);
    }
  }

  /** Seals it and lets go of it. */
  async #seal(record: KeptRecord, key: CryptoKey): Promise<Kept> {
    const at = record.uncover() >>> 0;
    const plain = new Uint8Array(this.#memory.buffer as ArrayBuffer, at, record.uncovered()).slice();
    record.free();
    try {
      return { key, sealed: await seal(key, this.#profile, plain) };
    } finally {
      plain.fill(0);
    }
  }
}

/** Where identities are kept in a browser: sealed records in IndexedDB, each with the key that seals it, which no script can read. */
import { E2eeError } from "../errors.ts";

/** What is kept of a profile. */
export interface Kept {
  /** AES-GCM, 256 bits; not extractable. */
  readonly key: CryptoKey;
  /** As `Record::seal` of `e2ee-session` says. */
  readonly sealed: Uint8Array<ArrayBuffer>;
}

const STORE = "profiles";
const VERSION = 1;
const NONCE_LENGTH = 12;

/** The profiles of one origin, in the database of this name. It is open while it is used only: the person may clear it at any time. */
export class Profiles {
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  read(profile: string): Promise<Kept | undefined> {
    return this.#use("readonly", (profiles) => done(profiles.get(profile))) as Promise<Kept | undefined>;
  }

  /** Writes, if there is still what was read, in one transaction. `false`: there is not. */
  replace(profile: string, was: Kept | undefined, kept: Kept): Promise<boolean> {
    return this.#use("readwrite", async (profiles) => {
      const there = (await done(profiles.get(profile))) as Kept | undefined;
      const same = there === undefined || was === undefined ? there === was : equal(there.sealed, was.sealed);
      if (same) profiles.put(kept, profile);
      return same;
    });
  }

  remove(profile: string): Promise<void> {
    return this.#use("readwrite", (profiles) => done(profiles.delete(profile)));
  }

  /** Ends when the transaction has. Rejects with `Unsupported`, in the browser's words. */
  async #use<T>(mode: IDBTransactionMode, use: (profiles: IDBObjectStore) => Promise<T>): Promise<T> {
    if (typeof indexedDB === "undefined") throw new E2eeError("Unsupported", "an identity is kept in IndexedDB, which is not here");
    let db: IDBDatabase | null = null;
    try {
      const request = indexedDB.open(this.#name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE);
      db = await done(request);
      const transaction = db.transaction(STORE, mode);
      const ended = new Promise<void>((resolve, reject) => {
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(transaction.error ?? new Error("the transaction was aborted"));
      });
      const [result] = await Promise.all([use(transaction.objectStore(STORE)), ended]);
      return result;
    } catch (error) {
      throw new E2eeError("Unsupported", `IndexedDB: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`);
    } finally {
      db?.close();
    }
  }
}

/** A key to seal with, whose bytes no script ever sees. */
export function sealingKey(): Promise<CryptoKey> {
  return crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/** Seals a plain record for a profile. */
export async function seal(key: CryptoKey, profile: string, plain: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const iv = crypto.getRandomValues(new Uint8Array(NONCE_LENGTH));
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: additional(profile) }, key, plain);
  const out = new Uint8Array(1 + NONCE_LENGTH + sealed.byteLength);
  out[0] = VERSION;
  out.set(iv, 1);
  out.set(new Uint8Array(sealed), 1 + NONCE_LENGTH);
  return out;
}

/** Opens what {@link seal} made; the caller wipes it. Rejects with `NotAuthentic`. */
export async function open({ key, sealed }: Kept, profile: string): Promise<Uint8Array<ArrayBuffer>> {
  const iv = sealed.subarray(1, 1 + NONCE_LENGTH);
  try {
    if (sealed[0] !== VERSION) throw new Error("of another version");
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData: additional(profile) }, key, sealed.subarray(1 + NONCE_LENGTH)));
  } catch {
    throw new E2eeError("NotAuthentic", `what is kept for the profile "${profile}" does not open: damaged, of another profile, or of newer software. removeIdentity() forgets it.`);
  }
}

function additional(profile: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`frameseal identity 1${profile}`) as Uint8Array<ArrayBuffer>;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("a request failed"));
  });
}

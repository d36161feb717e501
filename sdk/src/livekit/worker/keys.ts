/** Key material as livekit-client hands it over: `CryptoKey`s that cannot be exported, to be derived from. */
import type { Kdf } from "./module.ts";

const ROUNDS = 100_000;
const HKDF_INFO = new Uint8Array(128);
const DERIVED_BITS = 256;

/** A key that cannot be used, and what to do about it. */
export class BadKey extends Error {
  override readonly name = "BadKey";
}

/** The KDF of a key, by its algorithm. */
export function kdfOf(key: CryptoKey): Kdf {
  const { name } = key.algorithm;
  if (name !== "HKDF" && name !== "PBKDF2") {
    throw new BadKey(`a key for ${name} was set; import it for HKDF (raw keys) or PBKDF2 (passphrases)`);
  }
  if (!key.usages.includes("deriveBits")) throw new BadKey(`import the ${name} key with the usage deriveBits`);
  return name;
}

/** 32 bytes: the AES key is their beginning, and they are the material of the next step. */
export async function derive(key: CryptoKey, salt: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const params =
    kdfOf(key) === "HKDF"
      ? { name: "HKDF", hash: "SHA-256", salt, info: HKDF_INFO }
      : { name: "PBKDF2", hash: "SHA-256", salt, iterations: ROUNDS };
  return new Uint8Array(await crypto.subtle.deriveBits(params, key, DERIVED_BITS));
}

/** Material of a step as a key to derive from. */
export function material(bytes: Uint8Array<ArrayBuffer>, kdf: Kdf): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", bytes, kdf, false, ["deriveBits", "deriveKey"]);
}

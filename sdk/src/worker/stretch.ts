import { Code } from "../codes.ts";
import { Refusal } from "./refusal.ts";

/** PBKDF2-HMAC-SHA-256 rounds that stretch a room secret; the same number as in the Rust core. */
export const STRETCH_ROUNDS = 600_000;

const SALT = "Frameseal room 1";

/**
 * Stretches what people share (a link, a passphrase) into 32 bytes: PBKDF2-HMAC-SHA-256 with the salt
 * `"Frameseal room 1" || call`. Takes a good part of a second, off the worker's thread.
 */
export async function stretch(secret: Uint8Array, call: string): Promise<Uint8Array> {
  if (secret.length === 0) throw new Refusal(Code.BadKey, "the room secret is empty");
  const material = await crypto.subtle.importKey("raw", secret as BufferSource, "PBKDF2", false, ["deriveBits"]);
  const salt = new TextEncoder().encode(SALT + call);
  const bits = await crypto.subtle.deriveBits(
    { name: "PBKDF2", hash: "SHA-256", salt, iterations: STRETCH_ROUNDS },
    material,
    256,
  );
  secret.fill(0);
  return new Uint8Array(bits);
}

/**
 * The key schedule, by HKDF in WebCrypto. Every secret is a non-extractable `CryptoKey`; bytes exist only between
 * two derivations and are wiped.
 *
 * ```text
 * base key    HKDF(secret, "Frameseal 1 sender" || len call || len who || incarnation || generation, 32)
 * next step   HKDF(base key, "SFrame 1.0 Ratchet", Nh)
 * bound key   HKDF(base key, "Frameseal 1 media" || len call || len sender || kind, Nh)
 * key, salt   HKDF(bound key, "SFrame 1.0 Secret key " or "... salt " || KID (8) || suite (2), Nk or 12)
 * ```
 */
import { hex } from "../../hex.ts";

const SENDER_LABEL = "Frameseal 1 sender";
const MEDIA_LABEL = "Frameseal 1 media";
const RATCHET_LABEL = "SFrame 1.0 Ratchet";
const KEY_LABEL = "SFrame 1.0 Secret key ";
const SALT_LABEL = "SFrame 1.0 Secret salt ";
const FINGERPRINT_LABEL = "Frameseal 1 fingerprint";

/** Ratchet bits of a KID: 16 steps a generation. */
export const RATCHET_BITS = 4;
/** Steps of a generation. */
export const STEPS = 1 << RATCHET_BITS;
/** Tag length of AES-GCM, bytes. */
export const TAG_LENGTH = 16;

/** A suite that WebCrypto has as one call. */
export interface GcmSuite {
  readonly number: number;
  readonly hash: "SHA-256" | "SHA-512";
  /** Output length of the hash, bytes. */
  readonly hashLength: number;
  /** AES key length, bytes. */
  readonly keyLength: number;
}

/** The two AES-GCM suites by number. */
export const GCM_SUITES: Readonly<Record<number, GcmSuite>> = {
  4: { number: 4, hash: "SHA-256", hashLength: 32, keyLength: 16 },
  5: { number: 5, hash: "SHA-512", hashLength: 64, keyLength: 32 },
};

/** An AEAD key with its salt: what one KID needs for one kind of track. */
export interface FrameKey {
  readonly key: CryptoKey;
  readonly salt: Uint8Array;
}

/** Takes secret bytes as an HKDF key and wipes them. */
export async function secretKey(bytes: Uint8Array): Promise<CryptoKey> {
  const key = await crypto.subtle.importKey("raw", bytes as BufferSource, "HKDF", false, ["deriveBits"]);
  bytes.fill(0);
  return key;
}

/** The base key of one generation of a sender, from a secret that is shared with the others. */
export async function baseKey(
  secret: CryptoKey,
  call: string,
  sender: string,
  incarnation: Uint8Array,
  generation: number,
): Promise<CryptoKey> {
  const info = concat(SENDER_LABEL, name(call), name(sender), incarnation, number(generation, 4));
  return secretKey(await hkdf(secret, "SHA-256", info, 32));
}

/** The base key one step on. There is no way back. */
export async function ratchet(suite: GcmSuite, base: CryptoKey): Promise<CryptoKey> {
  return secretKey(await hkdf(base, suite.hash, concat(RATCHET_LABEL), suite.hashLength));
}

/** The frame key of a KID for one kind of track. */
export async function frameKey(
  suite: GcmSuite,
  base: CryptoKey,
  call: string,
  sender: string,
  kind: number,
  kid: number,
  usage: "encrypt" | "decrypt",
): Promise<FrameKey> {
  const info = concat(MEDIA_LABEL, name(call), name(sender), number(kind, 1));
  const bound = await secretKey(await hkdf(base, suite.hash, info, suite.hashLength));
  const place = concat(number(kid, 8), number(suite.number, 2));
  const bytes = await hkdf(bound, suite.hash, concat(KEY_LABEL, place), suite.keyLength);
  const key = await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, [usage]);
  bytes.fill(0);
  return { key, salt: await hkdf(bound, suite.hash, concat(SALT_LABEL, place), 12) };
}

/** Four bytes of a hash as hex: tells keys apart and gives nothing away. */
export async function fingerprint(base: CryptoKey): Promise<string> {
  const salt = new TextEncoder().encode(FINGERPRINT_LABEL);
  const bits = await crypto.subtle.deriveBits(
    { name: "HKDF", hash: "SHA-256", salt, info: new TextEncoder().encode("fingerprint") },
    base,
    32,
  );
  return hex(new Uint8Array(bits));
}

/** The nonce of one frame: salt XOR CTR, CTR right-aligned and big-endian. */
export function nonce(salt: Uint8Array, ctr: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(salt);
  let rest = ctr;
  for (let at = out.length - 1; rest > 0; at--) {
    out[at] = (out[at] ?? 0) ^ (rest % 256);
    rest = Math.floor(rest / 256);
  }
  return out;
}

async function hkdf(key: CryptoKey, hash: string, info: Uint8Array, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const salt = new Uint8Array(0);
  const params = { name: "HKDF", hash, salt, info: info as BufferSource };
  return new Uint8Array(await crypto.subtle.deriveBits(params, key, length * 8));
}

/** A name with its length in front. */
function name(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  return concat(number(bytes.length, 2), bytes);
}

function number(value: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  let rest = value;
  for (let at = length - 1; at >= 0; at--) {
    out[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return out;
}

function concat(...parts: (string | Uint8Array)[]): Uint8Array {
  const bytes = parts.map((part) => (typeof part === "string" ? new TextEncoder().encode(part) : part));
  const out = new Uint8Array(bytes.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of bytes) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

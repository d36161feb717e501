/**
 * What a track carries. Every kind has keys, counters and a replay window of its own, so that an SFU cannot pass
 * one off as another. Sender and receiver must name the same kind.
 */
export type TrackKind = "audio" | "video" | "screen-audio" | "screen-video" | "data";

/** The number of each kind, as it is bound into the keys. The same in Rust and C. */
export const KIND_NUMBER: Readonly<Record<TrackKind, number>> = {
  audio: 0,
  video: 1,
  "screen-audio": 2,
  "screen-video": 3,
  data: 4,
};

/** True for kinds whose frames are audio. */
export function isAudio(kind: TrackKind): boolean {
  return kind === "audio" || kind === "screen-audio";
}

/** The kind of a track of which nothing else is known. */
export function defaultKind(mediaKind: string): TrackKind {
  return mediaKind === "audio" ? "audio" : "video";
}

/** SFrame cipher suites by their registry names (RFC 9605 section 4.5; the AES-256-CTR ones are a draft). */
export type CipherSuite =
  | "AES_128_CTR_HMAC_SHA256_80"
  | "AES_128_CTR_HMAC_SHA256_64"
  | "AES_128_CTR_HMAC_SHA256_32"
  | "AES_128_GCM_SHA256_128"
  | "AES_256_GCM_SHA512_128"
  | "AES_256_CTR_HMAC_SHA512_80"
  | "AES_256_CTR_HMAC_SHA512_64"
  | "AES_256_CTR_HMAC_SHA512_32";

/** The registry's number of each suite. */
export const SUITE_NUMBER: Readonly<Record<CipherSuite, number>> = {
  AES_128_CTR_HMAC_SHA256_80: 1,
  AES_128_CTR_HMAC_SHA256_64: 2,
  AES_128_CTR_HMAC_SHA256_32: 3,
  AES_128_GCM_SHA256_128: 4,
  AES_256_GCM_SHA512_128: 5,
  AES_256_CTR_HMAC_SHA512_80: 6,
  AES_256_CTR_HMAC_SHA512_64: 7,
  AES_256_CTR_HMAC_SHA512_32: 8,
};

/** The suite used when none is named. */
export const DEFAULT_SUITE: CipherSuite = "AES_128_GCM_SHA256_128";

/**
 * State of one direction of one track, from frames that were measured, never from a flag.
 *
 * - `new`: no frame yet.
 * - `ok`: frames are sealed or opened.
 * - `no-key`: the participant's key is not here (or ours is not set).
 * - `wrong-key`: frames name a key we have, but do not authenticate under it.
 * - `replay`: nothing but repeats arrives.
 * - `malformed`: not a sealed frame, or not of the codec that was announced.
 * - `unknown-version`: the sender announced a newer version of the format, or sends a codec this version has no rule
 *   for.
 * - `plaintext`: the sender does not encrypt: of 25 frames in a row not one was built like a sealed one. All of them
 *   were dropped.
 * - `not-attached`: the browser moves media past the transform. The sender was stopped, the receiver muted.
 */
export type TrackState =
  | "new"
  | "ok"
  | "no-key"
  | "wrong-key"
  | "replay"
  | "malformed"
  | "unknown-version"
  | "plaintext"
  | "not-attached";

/** Direction of a track as seen from this page. */
export type Direction = "send" | "receive";

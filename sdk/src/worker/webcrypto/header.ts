/**
 * The SFrame header (RFC 9605 section 4.3): one byte, then KID and CTR where they do not fit in it. Encoding is
 * minimal and decoding accepts nothing else, so that a (KID, CTR) has one spelling.
 */

/** Longest header, bytes. */
export const MAX_HEADER_LENGTH = 17;

/** A decoded header. Values from 2^53 on cannot be genuine here and decode as `Infinity`. */
export interface Header {
  readonly kid: number;
  readonly ctr: number;
  readonly length: number;
}

/** The header of a frame. Both values are safe integers. */
export function encodeHeader(kid: number, ctr: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(MAX_HEADER_LENGTH);
  let length = 1;
  const put = (value: number): number => {
    if (value < 8) return value;
    let bytes = 1;
    while (bytes < 7 && value >= 256 ** bytes) bytes++;
    for (let n = bytes - 1; n >= 0; n--) out[length++] = Math.floor(value / 256 ** n) % 256;
    return 8 | (bytes - 1);
  };
  const high = put(kid);
  const low = put(ctr);
  out[0] = (high << 4) | low;
  return out.slice(0, length);
}

/** The header at `offset`; `null` when the bytes end too early or a value is not minimal. */
export function decodeHeader(bytes: Uint8Array, offset: number): Header | null {
  const config = bytes[offset];
  if (config === undefined) return null;
  let at = offset + 1;
  const take = (nibble: number): number | null => {
    const low = nibble & 7;
    if ((nibble & 8) === 0) return low;
    if (at + low + 1 > bytes.length) return null;
    const first = bytes[at] ?? 0;
    if (low === 0 ? first < 8 : first === 0) return null;
    let value = 0;
    for (let n = 0; n <= low; n++) value = value * 256 + (bytes[at++] ?? 0);
    return Number.isSafeInteger(value) ? value : Infinity;
  };
  const kid = take(config >> 4);
  if (kid === null) return null;
  const ctr = take(config & 15);
  return ctr === null ? null : { kid, ctr, length: at - offset };
}

/**
 * Metadata that publishers may add behind sealed video frames. Not encrypted:
 * `(tag, length, value)... | total length (1) | "LKTS"`, every byte before the text XOR ff. Tags: 1 the publisher's time,
 * microseconds (8 bytes); 2 a frame's number (4); 3 bytes of the application's.
 */
import type { FrameMetadataOptions } from "./protocol.ts";

const MAGIC = [0x4c, 0x4b, 0x54, 0x53];
const ENVELOPE = 5;
const TIMESTAMP = 1;
const FRAME_ID = 2;
const USER_DATA = 3;

/** What stood behind a frame. */
export interface FrameMetadata {
  userTimestamp: bigint;
  frameId: number;
  userData?: Uint8Array;
}

/** Length of the frame without a trailer, and what the trailer says; `null` when there is none. */
export function readTrailer(data: Uint8Array): { length: number; metadata: FrameMetadata | null } {
  const none = { length: data.length, metadata: null };
  if (data.length < ENVELOPE || MAGIC.some((byte, at) => data[data.length - MAGIC.length + at] !== byte)) return none;
  const total = (data[data.length - ENVELOPE] ?? 0) ^ 0xff;
  const start = data.length - total;
  if (total < ENVELOPE || start < 0) return none;
  const fields = data.slice(start, data.length - ENVELOPE).map((byte) => byte ^ 0xff);
  const metadata: FrameMetadata = { userTimestamp: 0n, frameId: 0 };
  let any = false;
  for (let at = 0; at + 2 <= fields.length; ) {
    const [tag, length] = [fields[at] ?? 0, fields[at + 1] ?? 0];
    const value = fields.subarray(at + 2, at + 2 + length);
    if (value.length !== length) break;
    if (tag === TIMESTAMP && length === 8) {
      metadata.userTimestamp = new DataView(value.buffer, value.byteOffset).getBigUint64(0);
      any = true;
    } else if (tag === FRAME_ID && length === 4) {
      metadata.frameId = new DataView(value.buffer, value.byteOffset).getUint32(0);
      any = true;
    } else if (tag === USER_DATA) {
      metadata.userData = value.slice();
      any = true;
    }
    at += 2 + length;
  }
  return any ? { length: start, metadata } : none;
}

/** A trailer for a frame; empty when nothing is asked for. */
export function makeTrailer(options: FrameMetadataOptions | undefined, frameId: number, nowMicroseconds: bigint): Uint8Array {
  const fields: number[] = [];
  if (options?.timestamp === true) {
    const time = new Uint8Array(8);
    new DataView(time.buffer).setBigUint64(0, nowMicroseconds);
    fields.push(TIMESTAMP, 8, ...time);
  }
  if (options?.frameId === true) {
    const id = new Uint8Array(4);
    new DataView(id.buffer).setUint32(0, frameId);
    fields.push(FRAME_ID, 4, ...id);
  }
  if (fields.length === 0) return new Uint8Array();
  return Uint8Array.from([...fields, fields.length + ENVELOPE].map((byte) => byte ^ 0xff).concat(MAGIC));
}

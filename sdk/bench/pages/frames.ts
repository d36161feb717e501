/** Objects shaped like encoded frames, for the hot loop: no copy out of the browser, only what the cryptor costs. */

const AUDIO = { mimeType: "audio/opus", payloadType: 111, synchronizationSource: 0x1111, rtpTimestamp: 0 };
const VIDEO = { mimeType: "video/VP8", payloadType: 96, synchronizationSource: 0x2222, rtpTimestamp: 0 };

/** Sizes up to this stand for Opus frames, larger ones for delta frames of VP8. */
const LARGEST_AUDIO = 120;

/** A frame of Opus. It has no `type`, which is how cryptors know audio. */
export class AudioFrame {
  constructor(public data: ArrayBuffer, readonly timestamp: number) {}
  getMetadata(): typeof AUDIO {
    return AUDIO;
  }
}

/** A delta frame of VP8. */
export class VideoFrame {
  readonly type = "delta";
  constructor(public data: ArrayBuffer, readonly timestamp: number) {}
  getMetadata(): typeof VIDEO {
    return VIDEO;
  }
}

export type Frame = AudioFrame | VideoFrame;

/** The kind of track that frames of this size stand for. */
export function kindOf(bytes: number): "audio" | "video" {
  return bytes <= LARGEST_AUDIO ? "audio" : "video";
}

let clock = 0;

/** A frame that holds `data`, which no cryptor changes in place. */
export function frame(kind: "audio" | "video", data: ArrayBuffer): Frame {
  clock = (clock + 3000) >>> 0;
  return kind === "audio" ? new AudioFrame(data, clock) : new VideoFrame(data, clock);
}

/** Random bytes, of VP8 the first one saying that it is a delta frame. */
export function payload(bytes: number): ArrayBuffer {
  const data = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65_536) crypto.getRandomValues(data.subarray(at, Math.min(bytes, at + 65_536)));
  if (bytes > 0) data[0] = (data[0] ?? 0) | 1;
  return data.buffer;
}

/** True when both hold the same bytes. */
export function same(a: ArrayBuffer, b: ArrayBuffer): boolean {
  const [x, y] = [new Uint8Array(a), new Uint8Array(b)];
  return x.length === y.length && x.every((byte, at) => byte === y[at]);
}

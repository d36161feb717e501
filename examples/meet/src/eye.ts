/**
 * The server's attempt to see. Takes the SFU's copy of a participant's frames and gives a WebCodecs
 * decoder every chance to make pictures from them; counts what it says.
 */

import type { Codec } from './model.js';

export interface EyeFrame {
  readonly key: boolean;
  readonly codec: Codec | undefined;
  readonly timestamp: number;
  readonly bytes: Uint8Array;
}

const CODEC_BY_NUMBER: Readonly<Record<number, Codec>> = { 2: 'vp8', 3: 'vp9', 4: 'av1', 5: 'h264' };
const HEADER = 7;

/** Parses a binary message of the signalling socket; undefined when it is not one of the eye's frames. */
export function parseEyeFrame(message: ArrayBuffer): EyeFrame | undefined {
  if (message.byteLength < HEADER) return undefined;
  const view = new DataView(message);
  if (view.getUint8(0) !== 1) return undefined;
  return {
    key: (view.getUint8(1) & 1) === 1,
    codec: CODEC_BY_NUMBER[view.getUint8(2)],
    timestamp: view.getUint32(3),
    bytes: new Uint8Array(message, HEADER),
  };
}

/** Decoder strings: the level is generous, the stream's own headers decide. */
const DECODER: Record<Codec, string> = { vp8: 'vp8', vp9: 'vp09.00.41.08', av1: 'av01.0.08M.08', h264: 'avc1.42e034' };

/** How long to wait for a frame marked as key before trying the unmarked ones as such. */
const PATIENCE_FRAMES = 30;
/** A decoder that holds this many undecided frames is behind: drop instead of growing. */
const QUEUE_LIMIT = 60;

export interface EyeCounts {
  readonly frames: number;
  readonly bytes: number;
  readonly tried: number;
  readonly pictures: number;
  readonly errors: number;
  readonly lastError: string;
  readonly codec: Codec | undefined;
  /** False when this browser has no decoder for the codec. */
  readonly able: boolean;
}

export class EyeDecoder {
  #decoder: VideoDecoder | undefined;
  #codec: Codec | undefined;
  #able = true;
  #frames = 0;
  #bytes = 0;
  #tried = 0;
  #pictures = 0;
  #errors = 0;
  #lastError = '';
  #hadKey = false;
  #waited = 0;
  #closed = false;

  /** `picture` gets every picture the decoder makes and must not close it. */
  constructor(private readonly picture: (frame: VideoFrame) => void) {}

  get counts(): EyeCounts {
    return {
      frames: this.#frames, bytes: this.#bytes, tried: this.#tried, pictures: this.#pictures, errors: this.#errors,
      lastError: this.#lastError, codec: this.#codec, able: this.#able,
    };
  }

  take(frame: EyeFrame): void {
    if (this.#closed) return;
    this.#frames += 1;
    this.#bytes += frame.bytes.length;
    if (frame.codec === undefined) return;
    if (frame.codec !== this.#codec) {
      this.#codec = frame.codec;
      this.#drop();
      this.#able = 'VideoDecoder' in globalThis;
    }
    if (!this.#able) return;
    const decoder = this.#open(frame.codec);
    if (decoder === undefined || decoder.decodeQueueSize > QUEUE_LIMIT) return;
    if (!frame.key && !this.#hadKey && this.#errors === 0 && this.#waited < PATIENCE_FRAMES) {
      this.#waited += 1;
      return;
    }
    const type = frame.key || !this.#hadKey ? 'key' : 'delta';
    this.#hadKey = true;
    this.#tried += 1;
    try {
      // 90 kHz to microseconds.
      decoder.decode(new EncodedVideoChunk({ type, timestamp: Math.round((frame.timestamp * 100) / 9), data: frame.bytes }));
    } catch (error) {
      this.#failed(decoder, error);
    }
  }

  close(): void {
    this.#closed = true;
    this.#drop();
  }

  #open(codec: Codec): VideoDecoder | undefined {
    if (this.#decoder !== undefined) return this.#decoder;
    const decoder: VideoDecoder = new VideoDecoder({
      output: (frame) => {
        this.#pictures += 1;
        if (!this.#closed) this.picture(frame);
        frame.close();
      },
      error: (error) => this.#failed(decoder, error),
    });
    try {
      decoder.configure({ codec: DECODER[codec], optimizeForLatency: true });
    } catch (error) {
      this.#failed(decoder, error);
      return undefined;
    }
    this.#decoder = decoder;
    return decoder;
  }

  #failed(decoder: VideoDecoder, error: unknown): void {
    if (this.#closed || (this.#decoder !== undefined && decoder !== this.#decoder)) return;
    this.#lastError = words(error);
    if (error instanceof DOMException && error.name === 'NotSupportedError' && this.#pictures === 0 && this.#tried === 0) this.#able = false;
    else this.#errors += 1;
    this.#drop();
  }

  #drop(): void {
    const decoder = this.#decoder;
    this.#decoder = undefined;
    this.#hadKey = false;
    if (decoder !== undefined && decoder.state !== 'closed') decoder.close();
  }
}

/** The decoder's own words, without the call they were an answer to, and one sentence of them. */
function words(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [sentence = ''] = error.message.replace(/^Failed to execute '\w+' on '\w+': /, '').split(/(?<=\.) /);
  return `${error.name}: ${sentence}`;
}

const GRID = { width: 32, height: 18 };

/** Compares two pictures by brightness; 1 the same, around 0 unrelated. Undefined when one is flat or not there. */
export class Likeness {
  readonly #canvas = new OffscreenCanvas(GRID.width, GRID.height);

  sample(picture: CanvasImageSource): Float32Array | undefined {
    const ctx = this.#canvas.getContext('2d', { willReadFrequently: true });
    if (ctx === null) return undefined;
    ctx.drawImage(picture, 0, 0, GRID.width, GRID.height);
    const { data } = ctx.getImageData(0, 0, GRID.width, GRID.height);
    const luma = new Float32Array(GRID.width * GRID.height);
    let mean = 0;
    for (let at = 0; at < luma.length; at += 1) {
      const value = 0.299 * (data[at * 4] ?? 0) + 0.587 * (data[at * 4 + 1] ?? 0) + 0.114 * (data[at * 4 + 2] ?? 0);
      luma[at] = value;
      mean += value / luma.length;
    }
    let energy = 0;
    for (let at = 0; at < luma.length; at += 1) {
      luma[at] = (luma[at] ?? 0) - mean;
      energy += (luma[at] ?? 0) ** 2;
    }
    if (energy / luma.length < 4) return undefined;
    const scale = 1 / Math.sqrt(energy);
    return luma.map((value) => value * scale);
  }

  static compare(a: Float32Array, b: Float32Array): number {
    return a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0);
  }
}

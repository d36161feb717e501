/**
 * Test only (`E2eeOptions.diagnostics`): tells an SFU in test mode a few runs of bytes of each frame that was about to
 * be sealed, so that it can look for them in its own copy. Giving plaintext away is the point, so never use it in a
 * real call.
 */
import type { EncodedFrame } from "./engine.ts";

/** Runs told of a frame, and their length. */
const RUNS = 6;
const RUN_BYTES = 16;
/** Headers at the start differ by what packetizers do to them. */
const SKIP_BYTES = 40;
/** How often what was collected is sent, milliseconds. */
const SEND_EVERY_MS = 500;

interface Told {
  readonly ssrc: number;
  readonly ts: number;
  readonly windows: readonly string[];
}

/** A frame as browsers give it; the parts that matter here. */
interface StampedFrame {
  readonly timestamp?: number;
  getMetadata(): { readonly synchronizationSource?: number | undefined; readonly rtpTimestamp?: number | undefined };
}

/** Collects and sends. */
export class Witness {
  #frames: Told[] = [];
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(private readonly url: string) {
    this.#timer = setInterval(() => this.#send(), SEND_EVERY_MS);
  }

  /** Notes a frame before it is sealed. */
  note(frame: EncodedFrame & Partial<StampedFrame>): void {
    const meta = frame.getMetadata() as ReturnType<StampedFrame["getMetadata"]>;
    const ts = meta.rtpTimestamp ?? frame.timestamp;
    const bytes = new Uint8Array(frame.data);
    if (meta.synchronizationSource === undefined || ts === undefined) return;
    const windows = runsOf(bytes);
    if (windows.length > 0) this.#frames.push({ ssrc: meta.synchronizationSource, ts, windows });
  }

  close(): void {
    clearInterval(this.#timer);
    this.#send();
  }

  #send(): void {
    const frames = this.#frames;
    if (frames.length === 0) return;
    this.#frames = [];
    const body = JSON.stringify({ frames });
    fetch(this.url, { method: "POST", headers: { "content-type": "application/json" }, body }).catch(() => undefined);
  }
}

/** Runs spread over the frame; of a short one, what there is. Runs of one repeated byte prove nothing. */
function runsOf(bytes: Uint8Array): string[] {
  const from = bytes.length >= SKIP_BYTES + RUN_BYTES ? SKIP_BYTES : Math.min(bytes.length >> 1, 8);
  const room = bytes.length - from;
  const length = Math.min(RUN_BYTES, room);
  if (length < 8) return [];
  const runs: string[] = [];
  for (let n = 0; n < RUNS; n++) {
    const run = bytes.subarray(from + Math.floor(((room - length) * n) / Math.max(1, RUNS - 1))).subarray(0, length);
    if (run.some((byte) => byte !== run[0])) runs.push(Array.from(run, (byte) => byte.toString(16).padStart(2, "0")).join(""));
  }
  return runs;
}

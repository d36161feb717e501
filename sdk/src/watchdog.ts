/**
 * The net below everything else: compares what the browser says it sent and received with what the worker saw.
 * Checked at every pulse of the worker (200 ms), so a leak is ended within 500 ms.
 */
import type { Tally } from "./protocol.ts";

/** Frames (video) or packets (audio) by which the browser may be ahead of the worker: some are on their way. */
const SLACK = { video: 3, audio: 8 } as const;
/**
 * Looks in a row that must be bad. A sender's further looks follow at once, see {@link CONFIRM_MS}: what it leaks is
 * gone. A receiver's looks are a second apart: nothing leaves by it, and a machine that is short of time hands frames
 * to the worker late.
 */
const LOOKS = { send: 2, receive: 3 } as const;
/**
 * Looks more for a sender whose bytes do not show a leak: nothing has left that the worker did not pass, but its frames
 * do not come through the worker either. That is a transform which was taken away, or a worker that is short of time:
 * browsers count a frame as sent when it is encoded, before the worker has it. Looks between which nothing left unsealed
 * do not count: there is nothing to end yet, and ending a sender is for good. But a browser that took the transform away and
 * drops the frames would be waited for without end, so these looks have a bound of their own.
 */
const PATIENCE = 1;
const WAITING_LOOKS = 5;
/**
 * Looks in a row, close to each other, at a sender that is a little ahead of its worker. Mostly a frame is on its way; it may
 * also be the beginning of a leak, which the next regular look would find out later.
 */
const UNSURE_LOOKS = 4;
/** Bad looks whose figures are kept for the log. */
const FACTS = 4;
/** Time between a sender's bad look and the next one, milliseconds. `getStats` is cached for 50 ms. */
export const CONFIRM_MS = 60;

/** What `getStats` says of one sender or receiver, summed over its streams. */
export interface Counted {
  /** Frames sent or received (video), packets (audio). */
  readonly media: number;
  readonly bytes: number;
}

/** One look: what the browser moved, and what the worker did; frames or packets, and bytes. */
interface Look {
  readonly media: number;
  readonly sent: number;
  readonly seen: number;
  readonly passed: number;
}

/** What the worker counted of one track. */
type Counts = Pick<Tally, "seen" | "bytes">;

/** Compares one direction of one track. Pure: figures in, verdict out. */
export class Comparison {
  readonly #slack: number;
  readonly #looks: number;
  readonly #padded: boolean;
  /** Counters at the last look that was fine; `null`: take the next one as it is. */
  #base: Look | null = { media: 0, sent: 0, seen: 0, passed: 0 };
  /** The last look, fine or not. */
  #last: Look | null = null;
  #bad = 0;
  #unsure = 0;
  #waited = 0;
  #facts: readonly string[] = [];
  readonly #send: boolean;

  constructor(kind: "audio" | "video", direction: "send" | "receive" = "send") {
    this.#padded = kind === "audio";
    this.#slack = SLACK[kind];
    this.#looks = LOOKS[direction];
    this.#send = direction === "send";
  }

  /** What the last bad looks saw, for who reads the log. */
  get facts(): string {
    return this.#facts.join("; ");
  }

  /** Forgets what went before: this transceiver was in use before it was attached, or it sends nothing now. */
  reset(): void {
    this.#base = null;
    this.#bad = 0;
    this.#waited = 0;
    this.#facts = [];
  }

  /**
   * One look. `earlier` and `worker` are the worker's counts from just before and just after the browser's were read.
   * A working transform has seen at least as much by then as the browser sent. The next look measures from `earlier`:
   * on a busy machine the worker answers late, and the frames of that delay must not be missing from the next look.
   * `suspect` asks for another look soon, `leak` is the verdict.
   */
  look(browser: Counted, worker: Counts, earlier: Counts = worker): "fine" | "suspect" | "leak" {
    const base = this.#base;
    const from: Look = { media: browser.media, sent: browser.bytes, seen: earlier.seen, passed: earlier.bytes };
    const last = this.#last ?? base;
    this.#last = from;
    // Counters that went back belong to a new stream.
    if (base === null || browser.media < base.media || worker.seen < base.seen) return this.#fine(from);
    const moved = browser.media - base.media;
    // Too few to tell: the base stays, so that a slow leak adds up.
    if (moved <= this.#slack) return "fine";
    // Half: counters of layers and retransmissions differ a little, a bypass differs by everything.
    if ((worker.seen - base.seen) * 2 >= moved) {
      const behind = this.#send && worker.seen - base.seen < moved;
      // The base stays, so that what is missing adds up.
      return behind && ++this.#unsure < UNSURE_LOOKS ? "suspect" : this.#fine(from);
    }
    const covered = (worker.bytes - base.passed) * 2 >= browser.bytes - base.sent;
    // Packets of padding, by which browsers probe for bandwidth, count as packets of sound and hold no byte.
    if (this.#padded && covered) return this.#fine(from);
    const fact = `browser ${moved}, ${browser.bytes - base.sent} B; worker ${worker.seen - base.seen}, ${worker.bytes - base.passed} B`;
    this.#facts = [...this.#facts.slice(1 - FACTS), fact];
    if (this.#send && last !== null && (worker.bytes - last.passed) * 2 >= browser.bytes - last.sent) {
      return ++this.#waited >= WAITING_LOOKS ? "leak" : "suspect";
    }
    return ++this.#bad >= this.#looks + (covered ? PATIENCE : 0) ? "leak" : "suspect";
  }

  #fine(from: Look): "fine" {
    this.#base = from;
    this.#bad = 0;
    this.#unsure = 0;
    this.#waited = 0;
    this.#facts = [];
    return "fine";
  }
}

/** Sums the outgoing or incoming RTP streams by `mid`. Streams without one are kept under their track kind. */
export function countByMid(stats: RTCStatsReport, type: "outbound-rtp" | "inbound-rtp"): Map<string, Counted> {
  const out = new Map<string, Counted>();
  stats.forEach((entry: RtpEntry) => {
    if (entry.type !== type || entry.mid === undefined) return;
    const sent = type === "outbound-rtp";
    const frames = sent ? entry.framesSent : entry.framesReceived;
    const packets = sent ? entry.packetsSent : entry.packetsReceived;
    const bytes = sent ? entry.bytesSent : entry.bytesReceived;
    const before = out.get(entry.mid) ?? { media: 0, bytes: 0 };
    const media = entry.kind === "video" ? (frames ?? 0) : (packets ?? 0);
    // What is sent again was counted when it was sent first.
    const again = sent ? (entry.retransmittedBytesSent ?? 0) : 0;
    out.set(entry.mid, { media: before.media + media, bytes: before.bytes + (bytes ?? 0) - again });
  });
  return out;
}

interface RtpEntry {
  readonly type: string;
  readonly kind?: string;
  readonly mid?: string;
  readonly framesSent?: number;
  readonly framesReceived?: number;
  readonly packetsSent?: number;
  readonly packetsReceived?: number;
  readonly bytesSent?: number;
  readonly retransmittedBytesSent?: number;
  readonly bytesReceived?: number;
}

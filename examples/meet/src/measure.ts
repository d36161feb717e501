/** From counts of the worker and the browser to what the page shows: one view for each track. */

import { codecOf } from './codecs.js';
import { REASONS, type Lock, type Reason, type TrackKind, type TrackView } from './model.js';
import type { Measured } from './sealing.js';

/** What the browser says about one received or sent track. */
export interface BrowserCounts {
  readonly frames: number;
  readonly decoded: number;
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  /** Packets that never came, and frames that the browser left out before its decoder: too late, or to catch up. */
  readonly lost: number;
  readonly skipped: number;
}

const NOTHING: BrowserCounts = { frames: 0, decoded: 0, codec: '', width: 0, height: 0, lost: 0, skipped: 0 };
/** Opus frames of 20 ms at 48 kHz. */
const SAMPLES_PER_AUDIO_FRAME = 960;

/** The fields of `RTCInboundRtpStreamStats` and `RTCOutboundRtpStreamStats` that are used; all optional in practice. */
interface RtpStats {
  readonly type: string;
  readonly kind?: string;
  readonly mid?: string;
  readonly codecId?: string;
  readonly framesReceived?: number;
  readonly framesDecoded?: number;
  readonly framesSent?: number;
  readonly packetsReceived?: number;
  readonly packetsSent?: number;
  readonly totalSamplesReceived?: number;
  readonly concealedSamples?: number;
  readonly insertedSamplesForDeceleration?: number;
  readonly removedSamplesForAcceleration?: number;
  readonly frameWidth?: number;
  readonly frameHeight?: number;
  readonly packetsLost?: number;
  readonly framesDropped?: number;
  readonly packetsDiscarded?: number;
}

/** Counts by m-line. Simulcast layers are added up. */
export async function browserCounts(peer: RTCPeerConnection): Promise<Map<string, BrowserCounts>> {
  const counts = new Map<string, BrowserCounts>();
  if (peer.connectionState === 'closed') return counts;
  const stats = await peer.getStats();
  stats.forEach((entry: RtpStats) => {
    if ((entry.type !== 'inbound-rtp' && entry.type !== 'outbound-rtp') || entry.mid === undefined) return;
    const before = counts.get(entry.mid) ?? NOTHING;
    const mime = (entry.codecId === undefined ? undefined : (stats.get(entry.codecId) as { mimeType?: string } | undefined))?.mimeType ?? '';
    const audio = entry.kind === 'audio';
    const frames = audio ? (entry.packetsReceived ?? entry.packetsSent ?? 0) : (entry.framesReceived ?? entry.framesSent ?? 0);
    const decoded = audio ? Math.min(frames, Math.round(decodedSamples(entry) / SAMPLES_PER_AUDIO_FRAME)) : (entry.framesDecoded ?? 0);
    counts.set(entry.mid, {
      frames: before.frames + frames,
      decoded: before.decoded + decoded,
      codec: codecName(mime) || before.codec,
      width: Math.max(before.width, entry.frameWidth ?? 0),
      height: Math.max(before.height, entry.frameHeight ?? 0),
      lost: before.lost + Math.max(0, entry.packetsLost ?? 0),
      skipped: before.skipped + ((audio ? entry.packetsDiscarded : entry.framesDropped) ?? 0),
    });
  });
  return counts;
}

/**
 * What the decoder of sound made: what was played, without what was made up for gaps, and with what was left out or
 * drawn out to keep pace.
 */
function decodedSamples(entry: RtpStats): number {
  const { totalSamplesReceived = 0, concealedSamples = 0, insertedSamplesForDeceleration = 0, removedSamplesForAcceleration = 0 } = entry;
  return Math.max(0, totalSamplesReceived - concealedSamples - insertedSamplesForDeceleration + removedSamplesForAcceleration);
}

export interface TrackFacts {
  readonly key: string;
  readonly kind: TrackKind;
  readonly direction: 'send' | 'receive';
  readonly muted: boolean;
  readonly encrypted: boolean;
  readonly generation: number;
  readonly browser: BrowserCounts | undefined;
  readonly measured: Measured | undefined;
}

export function trackView({ key, kind, direction, muted, encrypted, generation, browser = NOTHING, measured }: TrackFacts): TrackView {
  const frames = measured?.seen ?? browser.frames;
  const { lock, reason } = encrypted ? sealedLock(measured) : plainLock(direction, browser);
  return {
    key, kind, direction, muted, frames, generation, lock,
    ...(reason === undefined ? {} : { reason }),
    codec: browser.codec || codecName(measured?.codec ?? ''),
    pictures: browser.frames,
    good: measured?.passed ?? 0,
    decoded: direction === 'send' ? browser.frames : browser.decoded,
    failed: byReason(measured?.dropped ?? {}),
    p50: measured?.p50 ?? 0,
    p99: measured?.p99 ?? 0,
    width: browser.width,
    height: browser.height,
    lost: browser.lost,
    skipped: browser.skipped,
  };
}

/** The worker's word, from the frames it had in hand. */
function sealedLock(measured: Measured | undefined): { lock: Lock; reason?: Reason } {
  if (measured === undefined || measured.state === 'new') return { lock: 'waiting' };
  if (measured.state === 'ok') return { lock: 'sealed' };
  const clear = measured.state === 'plaintext' || measured.state === 'not-attached';
  return { lock: clear ? 'clear' : 'broken', reason: measured.state };
}

/** Without a transform: what is sent is clear; what arrives is clear if the browser can decode it. */
function plainLock(direction: 'send' | 'receive', { frames, decoded }: BrowserCounts): { lock: Lock; reason?: Reason } {
  if (frames === 0) return { lock: 'waiting' };
  if (direction === 'receive' && frames > 20 && decoded === 0) return { lock: 'broken', reason: 'not-attached' };
  return { lock: 'clear', reason: 'not-attached' };
}

/** Error names of the worker, as reasons for people. */
const REASON_OF: Readonly<Record<string, Reason>> = {
  UnknownKey: 'no-key', TooFar: 'no-key', NoSenderKey: 'no-key', Worn: 'no-key', StepsUsedUp: 'no-key',
  Rejected: 'wrong-key',
  Replayed: 'replay', TooOld: 'replay',
  UnknownVersion: 'unknown-version', UnknownCodec: 'unknown-version', SealUnknownCodec: 'unknown-version',
  Plaintext: 'plaintext',
  Internal: 'error',
};

function byReason(dropped: Readonly<Record<string, number>>): Partial<Record<Reason, number>> {
  const sums: Partial<Record<Reason, number>> = {};
  for (const [name, count] of Object.entries(dropped)) {
    const reason = REASON_OF[name] ?? 'malformed';
    sums[reason] = (sums[reason] ?? 0) + count;
  }
  return sums;
}

export function asReason(words: string): Reason {
  return REASONS.find((reason) => reason === words) ?? 'error';
}

function codecName(mime: string): string {
  const codec = codecOf(mime);
  if (codec !== undefined) return codec === 'h264' ? 'H.264' : codec.toUpperCase();
  const name = mime.split('/')[1] ?? '';
  return name.toLowerCase() === 'opus' ? 'Opus' : name;
}

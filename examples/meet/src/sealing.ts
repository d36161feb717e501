/** What a call needs from the encryption. `sealed.ts` gives it with Frameseal, `unsealed.ts` without, for the contrast. */

import type { Direction, Reason, TrackKind } from './model.js';

/** What was measured on one track, by the frames themselves. */
export interface Measured {
  readonly direction: Direction;
  readonly kind: TrackKind;
  /** The m-line. */
  readonly mid: string | null;
  /** Whose frames; for sent tracks the own id. */
  readonly member: string;
  /** `new` until the first frame, `ok` while frames are sealed or opened, else the reason. */
  readonly state: 'new' | 'ok' | Reason;
  readonly seen: number;
  readonly passed: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly codec: string;
  /** Microseconds. */
  readonly p50: number;
  readonly p99: number;
}

export interface Keys {
  readonly generation: number;
  readonly fingerprint: string;
}

export interface Sealing {
  /** Public, for the others; opaque to signalling. */
  readonly announcement: string;
  newPeer(): RTCPeerConnection;
  addSender(peer: RTCPeerConnection, track: MediaStreamTrack, kind: TrackKind, init: RTCRtpTransceiverInit): RTCRtpTransceiver;
  /** To be called in the task in which the transceiver came to be; again when it carries somebody else's track. */
  receive(transceiver: RTCRtpTransceiver, member: string, kind: TrackKind): void;
  know(member: string, announcement: string): Promise<void>;
  forget(member: string): void;
  rotate(): Promise<{ readonly generation: number; readonly announcement: string }>;
  measure(): Promise<readonly Measured[]>;
  keys(member: string): Keys | undefined;
  report(): Promise<unknown>;
  close(): void;
}

/** Called when something about a track's state changed, at once. */
export type StateChanged = () => void;

/** What a call needs from the encryption. `sealed.ts` gives it with Frameseal, `unsealed.ts` without, for the contrast. */

import type { Direction, GroupView, Reason, Suite, TrackKind } from './model.js';

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

/** What a call asks of the group that the keys come from. */
export interface GroupControl {
  view(): GroupView;
  /** Removes a member, by its key. */
  remove(key: string): Promise<void>;
  /** Lets somebody in who waits in the lobby, or refuses it. */
  admit(key: string, yes: boolean): Promise<void>;
  /** Asks all members for seven emoji to compare. */
  compare(): Promise<void>;
  /** The people here found the code or the emoji to be the same. */
  same(): Promise<void>;
  /** Has all members seal with another cipher suite. */
  setSuite(suite: string): Promise<void>;
  report(): Promise<unknown>;
}

export interface Sealing {
  /** The group that the keys come from; without one they come from the link. */
  readonly group?: GroupControl;
  /** Who is in the call, the own id with them, as the server says. */
  present?(all: readonly string[]): void;
  setSuite?(suite: Suite): Promise<void>;
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

/** What the encryption tells, at once. */
export interface SealingEvents {
  /** Something about a track's state, or about the group. */
  changed(): void;
  /** Somebody waits in the lobby. */
  knocks(name: string): void;
  /** Somebody came after the people here compared codes. */
  uncompared(name: string): void;
  /** This page waits in the lobby. */
  waiting(): void;
  /** Fresh keys, without anybody coming or going. */
  rotated(generation: number): void;
  /** Nothing is sealed any more: this member was removed, was shown another group than the others, or lost its way. */
  ended(why: 'removed' | 'forked' | 'lost'): void;
  /** Something did not work; it is tried again. */
  trouble(words: string): void;
}

/** The words that the call and the page share. Nothing here touches the browser. */

export type TrackKind = 'audio' | 'video' | 'screen' | 'screen-audio';
export type Direction = 'send' | 'receive';
export type Codec = 'vp8' | 'vp9' | 'av1' | 'h264';
export type Suite = 'aes-128-gcm' | 'aes-256-gcm' | 'aes-128-ctr-hmac' | 'aes-256-ctr-hmac';

export const CODECS: readonly Codec[] = ['vp8', 'vp9', 'av1', 'h264'];
export const SUITES: readonly Suite[] = ['aes-128-gcm', 'aes-256-gcm', 'aes-128-ctr-hmac', 'aes-256-ctr-hmac'];

/** Why a frame did not open, or why a track is not protected. */
export const REASONS = [
  'no-key', 'wrong-key', 'replay', 'malformed', 'unknown-version', 'plaintext', 'not-attached', 'unannounced', 'error',
] as const;
export type Reason = (typeof REASONS)[number];

/**
 * What measured frames say about a track.
 * `sealed`: the last frames were sealed or opened; `waiting`: no frame yet;
 * `broken`: frames come and do not open; `clear`: not encrypted.
 */
export type Lock = 'waiting' | 'sealed' | 'broken' | 'clear';

export interface TrackView {
  /** Stable while the track lives. */
  readonly key: string;
  readonly kind: TrackKind;
  readonly direction: Direction;
  readonly lock: Lock;
  readonly reason?: Reason;
  readonly muted: boolean;
  readonly codec: string;
  /** Frames handed to the transform (sent: by the encoder; received: from the network). */
  readonly frames: number;
  /** Frames by the browser's own count: with spatial layers several frames of the transform make one of these. */
  readonly pictures: number;
  /** Frames sealed (sent) or opened (received). */
  readonly good: number;
  /** Frames that the decoder turned into pictures or sound; sent tracks: frames sent. */
  readonly decoded: number;
  readonly failed: Readonly<Partial<Record<Reason, number>>>;
  /** Cost of one frame in microseconds, over the last few hundred frames; 0 when unknown. */
  readonly p50: number;
  readonly p99: number;
  /** Key generation in use, or -1. */
  readonly generation: number;
  readonly width: number;
  readonly height: number;
  /** Packets that never came, and frames that the browser left out before its decoder: too late, or to catch up. */
  readonly lost: number;
  readonly skipped: number;
}

export interface MemberView {
  readonly id: string;
  readonly name: string;
  readonly self: boolean;
  readonly tracks: readonly TrackView[];
  readonly camera: MediaStreamTrack | null;
  readonly screen: MediaStreamTrack | null;
  readonly sound: readonly MediaStreamTrack[];
  /** Worst of the tracks. */
  readonly lock: Lock;
  readonly reason?: Reason;
  /** Fingerprint of the key in use, for comparing by voice; empty when unknown. */
  readonly fingerprint: string;
  readonly micOn: boolean;
  readonly cameraOn: boolean;
}

/** A member of the group that the keys come from, as the group's keys say it and not the server. */
export interface GroupMember {
  readonly id: string;
  readonly name: string;
  /** Public key of its identity, hexadecimal. */
  readonly key: string;
  readonly trust: 'verified' | 'unverified' | 'refused';
  /** Whether its frames are opened: of two that claim one id, one is. */
  readonly heard: boolean;
  readonly self: boolean;
  /** Came after the people here compared codes. */
  readonly uncompared: boolean;
}

export interface GroupView {
  readonly state: string;
  /** 30 digits to compare by voice. */
  readonly code: string;
  /** Seven emoji to compare, after somebody asked for them in this epoch. */
  readonly emoji: readonly { readonly symbol: string; readonly en: string; readonly fr: string }[];
  readonly epoch: number;
  /** The people here found the code to be the same, and nobody came since. */
  readonly compared: boolean;
  readonly members: readonly GroupMember[];
  /** Those who wait in the lobby. */
  readonly knocking: readonly { readonly key: string; readonly name: string }[];
  /** Ids of participants that are in the call and not in the group: they get no key. */
  readonly outside: readonly string[];
}

export type Phase = 'joining' | 'joined' | 'lost' | 'left';

export interface CallView {
  readonly phase: Phase;
  readonly room: string;
  readonly members: readonly MemberView[];
  readonly encrypted: boolean;
  readonly codec: Codec;
  readonly suite: Suite;
  readonly generation: number;
  /** The group that the keys come from; without one they come from the link. */
  readonly group: GroupView | undefined;
  readonly source: 'camera' | 'synthetic';
  readonly sharing: boolean;
  /** Milliseconds from join (or from the first other's arrival) to the first decoded frame of somebody else, or -1. */
  readonly firstFrameMs: number;
}

export interface CallOptions {
  readonly room: string;
  readonly name: string;
  /** 24 bytes, base64url, which never leave this page; empty: the members agree on keys among themselves. */
  readonly secret: string;
  readonly codec: Codec;
  readonly suite: Suite;
  readonly encrypted: boolean;
  readonly source: 'camera' | 'synthetic';
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly simulcast: boolean;
  readonly svc: boolean;
  readonly witness: boolean;
  /** If this page founds the room: whoever comes waits until a member lets it in. */
  readonly lobby: boolean;
}

/** What happened, for the live region and the note above the controls. */
export type Notice =
  | { readonly kind: 'joined' | 'left'; readonly name: string }
  | { readonly kind: 'lock'; readonly name: string; readonly lock: Lock; readonly reason?: Reason }
  | { readonly kind: 'knocks' | 'uncompared'; readonly name: string }
  | { readonly kind: 'waiting' }
  | { readonly kind: 'rotated'; readonly generation: number }
  | { readonly kind: 'problem'; readonly problem: Problem; readonly detail?: string };

/** Everything that can go wrong and that a person can be told about. */
export const PROBLEMS = [
  'server-unreachable', 'server-gone', 'name-taken', 'id-taken', 'room-full', 'bad-secret', 'no-camera', 'camera-denied',
  'camera-busy', 'share-denied', 'insecure-page', 'no-transform', 'no-worker', 'codec-missing', 'ice-failed', 'refused', 'removed', 'forked', 'stopped',
] as const;
export type Problem = (typeof PROBLEMS)[number];

export class CallError extends Error {
  constructor(readonly problem: Problem, detail = '') {
    super(detail === '' ? problem : detail);
    this.name = 'CallError';
  }
}

const ORDER: Record<Lock, number> = { sealed: 0, waiting: 1, broken: 2, clear: 3 };

/** The worst lock of a list; a list without tracks is waiting. */
export function worst(tracks: readonly Pick<TrackView, 'lock' | 'reason'>[]): { lock: Lock; reason?: Reason } {
  let found: { lock: Lock; reason?: Reason } | undefined;
  for (const { lock, reason } of tracks) {
    if (found === undefined || ORDER[lock] > ORDER[found.lock]) found = reason === undefined ? { lock } : { lock, reason };
  }
  return found ?? { lock: 'waiting' };
}

/** What may be changed during a call by leaving and joining again. */
export interface Rejoin {
  readonly codec?: Codec;
  readonly suite?: Suite;
  readonly encrypted?: boolean;
}

/** What the page may ask of a call. */
export interface CallControl {
  readonly view: CallView;
  setMic(on: boolean): void;
  setCamera(on: boolean): void;
  setSharing(on: boolean): Promise<void>;
  rotate(): Promise<void>;
  /** Removes a member of the group, by its key. */
  remove(key: string): Promise<void>;
  /** The same for everybody in the group who goes by this id. */
  removeParticipant(id: string): Promise<void>;
  /** Asks all members for seven emoji to compare. */
  compare(): Promise<void>;
  /** The people here found the code or the emoji to be the same. */
  same(): Promise<void>;
  /** Lets somebody in who waits in the lobby, or refuses it. */
  admit(key: string, yes: boolean): Promise<void>;
  rejoin(change: Rejoin): Promise<void>;
  /** Subscribes to the SFU's copy of a video track; null ends it. */
  watch(of: { readonly member: string; readonly kind: TrackKind } | null): void;
  report(): Promise<unknown>;
  /** Stops sending, but stays: so that what was sent can be counted to the last frame. */
  hush(): Promise<void>;
  leave(): void;
}

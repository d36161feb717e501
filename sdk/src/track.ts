/** One direction of one track as the page knows it. */
import { type Direction, isAudio, type TrackKind, type TrackState } from "./kinds.ts";
import type { Hold } from "./hold.ts";
import type { TrackSetup } from "./protocol.ts";
import { Comparison } from "./watchdog.ts";

/** What an application may know of a track. */
export interface TrackInfo {
  /** Number of this track in events and reports. */
  readonly track: number;
  readonly direction: Direction;
  readonly kind: TrackKind;
  /** Whose media it is; `null` for a receiver that was not assigned with `attachReceiver`. */
  readonly participant: string | null;
  /** The m-line, once negotiated. */
  readonly mid: string | null;
  readonly state: TrackState;
}

/** See the file's comment. */
export class PageTrack {
  readonly id: number;
  readonly direction: Direction;
  readonly transceiver: RTCRtpTransceiver;
  readonly comparison: Comparison;
  /** Senders only. */
  hold: Hold | null = null;
  kind: TrackKind;
  participant: string | null;
  state: TrackState = "new";
  /** The worker has taken the transform over. */
  alive = false;
  #codecs = "";

  constructor(
    id: number,
    direction: Direction,
    transceiver: RTCRtpTransceiver,
    kind: TrackKind,
    participant: string | null,
  ) {
    this.id = id;
    this.direction = direction;
    this.transceiver = transceiver;
    this.kind = kind;
    this.participant = participant;
    this.comparison = new Comparison(isAudio(kind) ? "audio" : "video", direction);
  }

  get setup(): TrackSetup {
    return { track: this.id, direction: this.direction, kind: this.kind, participant: this.participant };
  }

  get info(): TrackInfo {
    const { id: track, direction, kind, participant, state } = this;
    return { track, direction, kind, participant, mid: this.transceiver.mid, state };
  }

  /** The negotiated media types by payload type, when they changed since the last call. */
  negotiatedCodecs(): Record<number, string> | null {
    const end = this.direction === "send" ? this.transceiver.sender : this.transceiver.receiver;
    const mimeTypes: Record<number, string> = {};
    for (const codec of end.getParameters().codecs) mimeTypes[codec.payloadType] = codec.mimeType;
    const text = JSON.stringify(mimeTypes);
    if (text === this.#codecs || text === "{}") return null;
    this.#codecs = text;
    return mimeTypes;
  }
}

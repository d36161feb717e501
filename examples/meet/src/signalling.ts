/** The WebSocket to the SFU: typed messages, as `crates/e2ee-sfu/PROTOCOL.md` has them. */

import { parseEyeFrame, type EyeFrame } from './eye.js';
import { CallError, type TrackKind } from './model.js';

export interface RemoteTrack {
  readonly mid: string;
  readonly kind: TrackKind;
  readonly codec?: string;
  readonly muted: boolean;
}

export interface Member {
  readonly id: string;
  readonly name: string;
  readonly announcement: string;
  readonly tracks: readonly RemoteTrack[];
}

export interface SubTrack {
  readonly mid: string;
  readonly of: string;
  readonly kind: TrackKind;
  readonly pubMid: string;
}

export type ClientMessage =
  | { t: 'join'; room: string; id: string; name: string; announcement: string; caps: Record<string, unknown> }
  | { t: 'offer'; pc: 'pub'; sdp: string; tracks: { mid: string; kind: TrackKind; codec?: string }[] }
  | { t: 'answer'; pc: 'sub'; sdp: string }
  | { t: 'mute'; mid: string; muted: boolean }
  | { t: 'app'; to?: string; data: unknown }
  | { t: 'announce'; announcement: string }
  | { t: 'layer'; of: string; mid: string; rid: string | null }
  | { t: 'eye'; of: string | null; mid?: string }
  | { t: 'keyframe'; of: string; mid: string }
  | { t: 'leave' };

export type ServerMessage =
  | { t: 'welcome'; room: string; id: string; members: readonly Member[] }
  | ({ t: 'member' } & Member)
  | { t: 'left'; id: string }
  | { t: 'answer'; pc: 'pub'; sdp: string }
  | { t: 'offer'; pc: 'sub'; sdp: string; tracks: readonly SubTrack[] }
  | { t: 'app'; from: string; data: unknown }
  | { t: 'eye'; of: string | null; mid?: string; kind?: TrackKind }
  | { t: 'error'; code: string; message: string };

const TYPES: ReadonlySet<string> = new Set<ServerMessage['t']>(['welcome', 'member', 'left', 'answer', 'offer', 'app', 'eye', 'error']);
const OPEN_TIMEOUT_MS = 8000;

export interface SignallingEvents {
  message(message: ServerMessage): void;
  eye(frame: EyeFrame): void;
  /** The socket is gone, not by our own doing. */
  lost(): void;
}

export class Signalling {
  #socket: WebSocket | undefined;

  constructor(private readonly url: string, private readonly events: SignallingEvents) {}

  /** Resolves when the socket is open; throws `server-unreachable`. */
  async open(): Promise<void> {
    const socket = new WebSocket(this.url);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => socket.close(), OPEN_TIMEOUT_MS);
      socket.onopen = () => {
        clearTimeout(timer);
        resolve();
      };
      socket.onclose = () => {
        clearTimeout(timer);
        reject(new CallError('server-unreachable'));
      };
    });
    socket.onclose = () => {
      if (this.#socket === socket) {
        this.#socket = undefined;
        this.events.lost();
      }
    };
    socket.onmessage = (event: MessageEvent<unknown>) => this.#received(event.data);
  }

  send(message: ClientMessage): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  close(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ t: 'leave' } satisfies ClientMessage));
    socket?.close();
  }

  #received(data: unknown): void {
    if (data instanceof ArrayBuffer) {
      const frame = parseEyeFrame(data);
      if (frame !== undefined) this.events.eye(frame);
      return;
    }
    if (typeof data !== 'string') return;
    const message: unknown = JSON.parse(data);
    if (isServerMessage(message)) this.events.message(message);
  }
}

/** The server is ours and versioned with this page; only the discriminant is checked, for forward compatibility. */
function isServerMessage(value: unknown): value is ServerMessage {
  return typeof value === 'object' && value !== null && 't' in value && typeof value.t === 'string' && TYPES.has(value.t);
}

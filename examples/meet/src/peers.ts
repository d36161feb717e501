/** The two peer connections: `pub` carries what this page sends, `sub` what it receives. */

import { preferences } from './codecs.js';
import type { CallOptions, Codec, TrackKind } from './model.js';
import type { Sealing } from './sealing.js';
import type { ClientMessage, SubTrack } from './signalling.js';

type Send = (message: ClientMessage) => void;

const CAMERA_BITRATE = 1_700_000;
const SCREEN_BITRATE = 2_500_000;

/** What this page sends. One offer at a time; changes made meanwhile go into the next one. */
export class Publisher {
  readonly peer: RTCPeerConnection;
  readonly #sent = new Map<TrackKind, RTCRtpTransceiver>();
  #state: 'idle' | 'due' | 'offered' | 'again' = 'idle';

  constructor(private readonly sealing: Sealing, private readonly options: CallOptions, private readonly send: Send) {
    this.peer = sealing.newPeer();
  }

  add(kind: TrackKind, track: MediaStreamTrack): void {
    const video = kind === 'video' || kind === 'screen';
    const init: RTCRtpTransceiverInit = { direction: 'sendonly', sendEncodings: video ? encodings(kind, this.options) : [{}] };
    const transceiver = this.sealing.addSender(this.peer, track, kind, init);
    if (video) transceiver.setCodecPreferences(preferences(this.options.codec));
    this.#sent.set(kind, transceiver);
    this.negotiate();
  }

  async replace(kind: TrackKind, track: MediaStreamTrack | null): Promise<void> {
    await this.#sent.get(kind)?.sender.replaceTrack(track);
  }

  remove(kind: TrackKind): void {
    const transceiver = this.#sent.get(kind);
    if (transceiver === undefined) return;
    this.#sent.delete(kind);
    if (transceiver === this.peer.getTransceivers()[0]) {
      // Browsers take the end of the first m-line for the end of the whole bundle.
      transceiver.direction = 'inactive';
      void transceiver.sender.replaceTrack(null);
    } else transceiver.stop();
    this.negotiate();
  }

  mid(kind: TrackKind): string | undefined {
    return this.#sent.get(kind)?.mid ?? undefined;
  }

  transceiver(kind: TrackKind): RTCRtpTransceiver | undefined {
    return this.#sent.get(kind);
  }

  get kinds(): TrackKind[] {
    return [...this.#sent.keys()];
  }

  /** Offers soon; tracks added in the same task share one offer. */
  negotiate(): void {
    if (this.#state === 'idle') {
      this.#state = 'due';
      void Promise.resolve().then(() => this.#offer());
    } else if (this.#state === 'offered') this.#state = 'again';
  }

  async answered(sdp: string): Promise<void> {
    if (this.peer.signalingState !== 'have-local-offer') return;
    await this.peer.setRemoteDescription({ type: 'answer', sdp });
    const again = this.#state === 'again';
    this.#state = 'idle';
    if (again) this.negotiate();
  }

  async #offer(): Promise<void> {
    if (this.peer.signalingState === 'closed') return;
    this.#state = 'offered';
    await this.peer.setLocalDescription();
    const sdp = this.peer.localDescription?.sdp;
    if (sdp === undefined) return;
    const tracks = [...this.#sent].flatMap(([kind, { mid }]) =>
      mid === null ? [] : [{ mid, kind, ...(kind === 'video' || kind === 'screen' ? { codec: this.options.codec } : {}) }]);
    this.send({ t: 'offer', pc: 'pub', sdp, tracks });
  }

  close(): void {
    this.peer.close();
  }
}

function encodings(kind: TrackKind, { simulcast, svc, codec, fps }: CallOptions): RTCRtpEncodingParameters[] {
  if (kind === 'screen') return [{ maxBitrate: SCREEN_BITRATE }];
  if (svc && layered(codec)) return [{ maxBitrate: CAMERA_BITRATE, maxFramerate: fps, scalabilityMode: 'L3T3_KEY' } as RTCRtpEncodingParameters];
  if (!simulcast) return [{ maxBitrate: CAMERA_BITRATE, maxFramerate: fps }];
  return [
    { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
    { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
    { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: CAMERA_BITRATE },
  ];
}

function layered(codec: Codec): boolean {
  return codec === 'vp9' || codec === 'av1';
}

/** One track from somebody else. */
export interface Received extends SubTrack {
  readonly track: MediaStreamTrack;
  readonly transceiver: RTCRtpTransceiver;
}

/** What this page receives. The server offers; an m-line may be used again for another participant. */
export class Subscriber {
  readonly peer: RTCPeerConnection;
  #received: readonly Received[] = [];
  #queue: Promise<void> = Promise.resolve();

  constructor(private readonly sealing: Sealing, private readonly send: Send, private readonly changed: () => void) {
    this.peer = sealing.newPeer();
  }

  get received(): readonly Received[] {
    return this.#received;
  }

  offered(sdp: string, tracks: readonly SubTrack[]): void {
    this.#queue = this.#queue.then(() => this.#answer(sdp, tracks)).catch((error: unknown) => {
      if (this.peer.signalingState !== 'closed') console.warn('the server’s offer could not be answered:', error);
    });
  }

  async #answer(sdp: string, tracks: readonly SubTrack[]): Promise<void> {
    const byMid = new Map(tracks.map((track) => [track.mid, track]));
    const attach = (transceiver: RTCRtpTransceiver): void => {
      const about = transceiver.mid === null ? undefined : byMid.get(transceiver.mid);
      if (about !== undefined) this.sealing.receive(transceiver, about.of, about.kind);
    };
    // In the task that makes the transceiver: Chromium ignores a transform that is set later.
    this.peer.ontrack = ({ transceiver }) => attach(transceiver);
    await this.peer.setRemoteDescription({ type: 'offer', sdp });
    const live = this.peer.getTransceivers();
    live.forEach(attach);
    await this.peer.setLocalDescription();
    this.send({ t: 'answer', pc: 'sub', sdp: this.peer.localDescription?.sdp ?? '' });
    this.#received = live.flatMap((transceiver) => {
      const about = transceiver.mid === null ? undefined : byMid.get(transceiver.mid);
      return about === undefined ? [] : [{ ...about, track: transceiver.receiver.track, transceiver }];
    });
    this.changed();
  }

  close(): void {
    this.peer.close();
  }
}

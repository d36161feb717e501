/** What is used of livekit-client, by shape: this package works with every release that has it, and imports none. */

/** A participant; see livekit-client's `Participant`. */
export interface LivekitParticipant {
  readonly identity: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** A track's place in the room; `source` is `camera`, `microphone`, `screen_share` or `screen_share_audio`. */
export interface LivekitTrack {
  readonly source: string;
  readonly kind: string;
}

/** See livekit-client's `DataPublishOptions`. */
export interface DataOptions {
  reliable?: boolean;
  topic?: string;
  destinationIdentities?: string[];
}

/** See livekit-client's `LocalParticipant`. */
export interface LivekitLocalParticipant extends LivekitParticipant {
  on(event: "localSenderCreated", listener: (sender: RTCRtpSender, track: LivekitTrack) => void): unknown;
  setAttributes(attributes: Record<string, string>): Promise<void>;
  publishData(data: Uint8Array<ArrayBuffer>, options: DataOptions): Promise<void>;
  setE2EEEnabled(enabled: boolean): Promise<void>;
}

/** See livekit-client's `Room`. */
export interface LivekitRoom {
  readonly name: string;
  readonly state: string;
  readonly localParticipant: LivekitLocalParticipant;
  readonly remoteParticipants: ReadonlyMap<string, LivekitParticipant>;
  on(event: string, listener: (...args: never[]) => void): unknown;
}

/** A remote track in `trackSubscribed`. */
export interface LivekitRemoteTrack extends LivekitTrack {
  readonly receiver?: RTCRtpReceiver | undefined;
}

/** See livekit-client's `RTCEngine`. */
export interface LivekitEngine {
  on(event: string, listener: (...args: never[]) => void): unknown;
}

/** A transport of the engine. Its connection is made at the first look at `pc`. */
export interface LivekitTransport {
  readonly pc?: unknown;
}

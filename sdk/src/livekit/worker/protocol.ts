/** The messages between livekit-client and its E2EE worker; shapes as in that package's public types. */

export interface KeyProviderOptions {
  readonly sharedKey: boolean;
  readonly ratchetSalt: string;
  readonly ratchetWindowSize: number;
  readonly failureTolerance: number;
  readonly keyringSize: number;
  readonly keySize?: 128 | 256;
}

/** Which metadata a publisher adds behind sealed video frames, in clear. */
export interface FrameMetadataOptions {
  readonly timestamp?: boolean;
  readonly frameId?: boolean;
}

/** One direction of one track. */
export interface TrackOrder {
  readonly participantIdentity: string;
  readonly trackId: string;
  readonly codec?: string;
  readonly hasPacketTrailer?: boolean;
  readonly packetTrailer?: FrameMetadataOptions;
}

export interface StreamsOrder extends TrackOrder {
  readonly readableStream: ReadableStream;
  readonly writableStream: WritableStream;
}

/** What comes in. */
export type Incoming =
  | { readonly kind: "init"; readonly data: { readonly keyProviderOptions: KeyProviderOptions } }
  | { readonly kind: "enable"; readonly data: { readonly participantIdentity: string; readonly enabled: boolean } }
  | {
      readonly kind: "setKey";
      readonly data: {
        readonly participantIdentity?: string;
        readonly key: CryptoKey;
        readonly keyIndex?: number;
        readonly updateCurrentKeyIndex?: boolean;
      };
    }
  | { readonly kind: "ratchetRequest"; readonly data: { readonly participantIdentity?: string; readonly keyIndex?: number } }
  | { readonly kind: "encode" | "decode"; readonly data: StreamsOrder }
  | { readonly kind: "removeTransform"; readonly data: { readonly participantIdentity: string; readonly trackId: string } }
  | { readonly kind: "updateCodec"; readonly data: TrackOrder & { readonly previousTrackId?: string } }
  | { readonly kind: "setRTPMap"; readonly data: { readonly map: ReadonlyMap<number, string>; readonly participantIdentity: string } }
  | { readonly kind: "setSifTrailer"; readonly data: { readonly trailer: Uint8Array } }
  | {
      readonly kind: "encryptDataRequest";
      readonly data: { readonly uuid: string; readonly payload: Uint8Array; readonly participantIdentity: string };
    }
  | {
      readonly kind: "decryptDataRequest";
      readonly data: {
        readonly uuid: string;
        readonly payload: Uint8Array;
        readonly iv: Uint8Array;
        readonly participantIdentity: string;
        readonly keyIndex: number;
      };
    }
  | { readonly kind: "setLogLevel"; readonly data: unknown };

/** Reasons of an error, by the names that livekit-client reads out of its text. */
export type Reason = "InvalidKey" | "MissingKey" | "InternalError";

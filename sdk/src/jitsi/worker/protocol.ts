/** The messages between lib-jitsi-meet and its E2EE worker. The worker answers none of them. */

/** One direction of one track: what a message or a script transform's options say. */
export interface TrackOrder {
  readonly operation: "encode" | "decode";
  readonly participantId: string;
}

/** A key: a participant's media key, `false` when it has none any more, or one that the application manages. */
export type GivenKey = Uint8Array | ArrayBuffer | false | null | undefined | CryptoKey | { readonly encryptionKey: CryptoKey };

/** What comes in. */
export type Incoming =
  | { readonly operation: "initialize"; readonly sharedKey?: boolean }
  | (TrackOrder & { readonly readableStream: ReadableStream; readonly writableStream: WritableStream })
  | { readonly operation: "setEnabled"; readonly enabled: boolean }
  | { readonly operation: "setKey"; readonly participantId?: string; readonly key: GivenKey; readonly keyIndex: number }
  | { readonly operation: "cleanup"; readonly participantId: string }
  | { readonly operation: "cleanupAll" };

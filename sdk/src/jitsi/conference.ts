/** What is used of lib-jitsi-meet, by shape: its `JitsiConference`, and names of its events. */

/** See lib-jitsi-meet's `JitsiParticipant`. */
export interface JitsiParticipant {
  getId(): string;
}

/** See lib-jitsi-meet's `CodecSelection`; not a part of its public interface. */
export interface JitsiCodecSelection {
  selectPreferredCodec(...session: never[]): void;
}

/** See lib-jitsi-meet's `JitsiConference`. */
export interface JitsiConference {
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
  getName(): string;
  myUserId(): string;
  getParticipants(): readonly JitsiParticipant[];
  isE2EESupported(): boolean;
  isE2EEEnabled(): boolean;
  toggleE2EE(enabled: boolean): unknown;
  setMediaEncryptionKey(keyInfo: { readonly encryptionKey: unknown; readonly index: number }): unknown;
  /** To all when `to` is empty. Throws when the channel to the bridge is not open. */
  sendEndpointMessage(to: string, payload: object): unknown;
  readonly qualityController?: { readonly codecController?: JitsiCodecSelection };
}

/** Values of lib-jitsi-meet's `JitsiConferenceEvents`. */
export const EVENT = {
  joined: "conference.joined",
  left: "conference.left",
  userJoined: "conference.userJoined",
  userLeft: "conference.userLeft",
  channelOpened: "conference.dataChannelOpened",
  channelClosed: "conference.dataChannelClosed",
  message: "conference.endpoint_message_received",
} as const;

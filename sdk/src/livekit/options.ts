/** What the manager is told, and what it tells. */
import type { BaseOptions } from "../options.ts";
import type { E2eeReport } from "../report.ts";
import type { Format, FormatPolicy, LivekitFormatOptions } from "../compat.ts";
import type { RoomKeys } from "./keys.ts";
import type { MemberState } from "./members.ts";
import type { LivekitParticipant } from "./room.ts";

/** Options of `createE2EEManager`. */
export interface ManagerOptions extends BaseOptions {
  /** The room's secret. Without it, keys are set with `setKey`; until then nothing is sent. */
  readonly keys?: RoomKeys;
  /**
   * A name that keys are bound to besides the secret, the same for everybody. Default: the room's name, as the server
   * says it.
   */
  readonly call?: string;
  /** Which formats the room uses. Default: `sframe`. */
  readonly format?: FormatPolicy;
  /** For `livekit` and `auto`: what the stock clients of the room have set. */
  readonly livekit?: LivekitFormatOptions;
}

/** Events of {@link LivekitE2EEManager.on} beside those of livekit-client. */
export interface ManagerEvents {
  /** livekit-client's: the second argument is the participant. */
  participantEncryptionStatusChanged: [enabled: boolean, participant: LivekitParticipant];
  /** livekit-client's. The error is an `E2eeError`. */
  encryptionError: [error: Error, identity?: string];
  /** A participant's {@link MemberState} changed. */
  memberState: [identity: string, state: MemberState];
  /** What is sent is in another format from now on; who is the reason, if somebody is. */
  format: [format: Format, because: readonly string[]];
}

/** What `getReport()` gives: the report of the call, and the participants. */
export interface ManagerReport extends E2eeReport {
  readonly members: readonly { readonly identity: string; readonly state: MemberState; readonly speaksFrameseal: boolean }[];
  /** The format of what is sent, and the policy. */
  readonly format: Format;
  readonly formatPolicy: FormatPolicy;
}

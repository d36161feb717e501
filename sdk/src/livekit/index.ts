/**
 * End-to-end encryption of a LiveKit room, in place of livekit-client's own.
 *
 * ```ts
 * import { Room } from "livekit-client";
 * import { createE2EEManager } from "frameseal/livekit";
 *
 * const room = new Room({ encryption: { e2eeManager: createE2EEManager({ keys: { passphrase } }) } });
 * ```
 *
 * Importing this module does nothing, on a server too.
 *
 * @packageDocumentation
 */
import { workerOf } from "../make-worker.ts";
import { LivekitE2EEManager } from "./manager.ts";
import type { ManagerOptions } from "./options.ts";

/**
 * Makes the manager of one room. Nothing is sent in clear from then on, whatever the server says of a track.
 *
 * @throws E2eeError `BadKey` for keys that cannot be used, `Unsupported` in a browser without encoded transforms.
 */
export function createE2EEManager(options: ManagerOptions): LivekitE2EEManager {
  return new LivekitE2EEManager(options, workerOf(options.workerUrl));
}

export { CODE, E2eeError, type ErrorName, type Reaction } from "../errors.ts";
export type { CipherSuite, Direction, TrackKind, TrackState } from "../kinds.ts";
export { isSupported } from "../support.ts";
export type { Format, FormatPolicy, LivekitFormatOptions } from "../compat.ts";
export { linkSecretOf, newLinkSecret, type RoomKeys } from "./keys.ts";
export type { LivekitE2EEManager } from "./manager.ts";
export type { MemberState } from "./members.ts";
export { type DataRoom, livekitTransport, type LivekitTransport, type LivekitTransportReport, type LivekitTransportOptions } from "./transport.ts";
export type { ManagerEvents, ManagerOptions, ManagerReport } from "./options.ts";

/**
 * Frameseal: end-to-end encryption of WebRTC media. An SFU forwards what it cannot read.
 *
 * ```ts
 * import { createE2EE } from "frameseal";
 *
 * const e2ee = await createE2EE({ call: "council-7", participant: myId, keys: { secret } });
 * e2ee.on("state", ({ participant, kind, direction, state }) => showLock(participant, kind, direction, state));
 *
 * const pc = e2ee.createPeerConnection();
 * for (const track of camera.getTracks()) pc.addTrack(track, camera);
 * pc.ontrack = ({ receiver }) => e2ee.attachReceiver(receiver, theirId);
 *
 * signalling.send({ announcement: e2ee.announcement });
 * signalling.onAnnouncement = (id, announcement) => e2ee.addParticipant(id, announcement);
 * ```
 *
 * Importing this module does nothing, on a server too.
 *
 * @packageDocumentation
 */
import { E2EE } from "./e2ee.ts";
import { workerOf } from "./make-worker.ts";
import type { E2eeOptions } from "./options.ts";

/**
 * Starts end-to-end encryption for one call: loads worker and media module, and sets the keys if given.
 *
 * @throws E2eeError `Unsupported` (no encoded transforms here), `WorkerFailed` (worker URL or the page's
 * `worker-src`), `WasmFailed`, `UnsupportedSuite`, `BadOption`, `BadKey`.
 */
export function createE2EE(options: E2eeOptions): Promise<E2EE> {
  return E2EE.create(options, workerOf(options.workerUrl));
}

export { createWorker } from "./make-worker.ts";
export type { E2EE, E2eeEvents, ErrorEvent, KeyReportEvent, StateEvent } from "./e2ee.ts";
export { CODE, E2eeError, type ErrorName, type Reaction } from "./errors.ts";
export type { CipherSuite, Direction, TrackKind, TrackState } from "./kinds.ts";
export type { E2eeOptions, Keys } from "./options.ts";
export type { Diagnostics, EngineName, Timing, TrackFigures } from "./protocol.ts";
export type { E2eeReport, LogEntry } from "./report.ts";
export { isSupported } from "./support.ts";
export type { TrackInfo } from "./track.ts";

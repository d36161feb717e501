/**
 * Key agreement for Frameseal: the members of a call agree on keys among themselves (MLS, RFC 9420), over a relay that
 * learns none of them, and every join, departure and rotation makes fresh ones.
 *
 * ```ts
 * import { createE2EE } from "frameseal";
 * import { createSession, logTransport } from "frameseal/session";
 *
 * const transport = logTransport(`wss://relay.example/log?room=${room}`);
 * const session = await createSession({ room, participant: myId, name: "Ada", transport });
 * session.on("members", showMembers);
 * session.on("code", showCode);
 *
 * const e2ee = await createE2EE({ call: room, participant: myId, session });
 * ```
 *
 * Importing this module does nothing, on a server too.
 *
 * @packageDocumentation
 */
import { E2eeError } from "../errors.ts";
import { Session } from "./session.ts";
import type { SessionOptions } from "./types.ts";

/**
 * Starts a session: loads its worker and module, and begins to enter the group of the room. `session.state` says how
 * far it got; media may be attached at once, and nothing is sent before there are keys.
 *
 * @throws E2eeError `BadOption`, `BadName`, `WorkerFailed` (worker URL or the page's `worker-src`), `WasmFailed`: a session
 * needs WebAssembly.
 */
export function createSession(options: SessionOptions): Promise<Session> {
  return Session.create(options, () => {
    try {
      return createSessionWorker(options.workerUrl);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new E2eeError("WorkerFailed", `the session worker could not be made: ${why}. A page with trusted types passes its own as "worker".`);
    }
  });
}

/** The session worker of this package; `url` says where `frameseal/session-worker` is served. */
export function createSessionWorker(url?: string | URL): Worker {
  // Spelled out in one expression, so that bundlers find the worker.
  return url === undefined
    ? new Worker(new URL("./session-worker.js", import.meta.url), { type: "module", name: "frameseal-session" })
    : new Worker(url, { type: "module", name: "frameseal-session" });
}

export { E2eeError } from "../errors.ts";
export { type LogTransport, logTransport, type LogTransportOptions } from "./log-transport.ts";
export type { Emoji } from "./emoji.ts";
export type { SessionIdentity, SessionMember, Somebody, Trust, Verdict, Why } from "./members.ts";
export type { AgreedPolicy, KeyAgreement, RoomPolicy } from "./policy.ts";
export type { Session } from "./session.ts";
export type { SessionTransport, TransportEvents } from "./transport.ts";
export type { SessionEvent, SessionEvents, SessionOptions, SessionReport, SessionState } from "./types.ts";

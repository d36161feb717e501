/**
 * Frameseal's format and key agreement in Jitsi Meet, for rooms where everybody has `frameseal/jitsi-sframe-worker`.
 *
 * ```ts
 * import { jitsiSession } from "frameseal/jitsi";
 *
 * conference.on(JitsiMeetJS.events.conference.CONFERENCE_JOINED, async () => {
 *   const session = await jitsiSession(conference, { log: "wss://relay.example/log?room=weekly" });
 *   session.on("members", showMembers);
 *   session.on("code", showCode);
 * });
 * ```
 *
 * Importing this module does nothing, on a server too.
 *
 * @packageDocumentation
 */
import { E2eeError } from "../errors.ts";
import { createSession } from "../session/index.ts";
import { logTransport } from "../session/log-transport.ts";
import type { Session } from "../session/session.ts";
import type { SessionTransport } from "../session/transport.ts";
import type { SessionOptions } from "../session/types.ts";
import { freeCodecs } from "./codecs.ts";
import { EVENT, type JitsiConference } from "./conference.ts";
import { jitsiTransport } from "./transport.ts";

/** Options of {@link jitsiSession}: those of `createSession`, but for what the conference knows. */
export interface JitsiSessionOptions extends Omit<SessionOptions, "room" | "participant" | "transport"> {
  /** What keeps the order of the group's changes: the address of a relay, `wss://…/log?room=…`, or a transport of its own. */
  readonly log: string | URL | SessionTransport;
  /** Default: the conference's name. Everybody must have the same. */
  readonly room?: string;
  /** `false`: video stays VP8, as without Frameseal. Default: what the conference's configuration prefers. */
  readonly codecs?: boolean;
}

/**
 * Starts a session whose members are the conference's participants, hands its keys to the conference's worker, and switches
 * encryption on. Call it once the conference was joined; with it the session ends.
 *
 * @throws E2eeError `Unsupported` where the conference does not take keys (`e2ee.externallyManagedKey`, or the browser), and
 * what `createSession` throws.
 */
export async function jitsiSession(conference: JitsiConference, options: JitsiSessionOptions): Promise<Session> {
  const { log, room = conference.getName(), codecs = true, ...rest } = options;
  if (!conference.isE2EESupported()) throw new E2eeError("Unsupported", "this conference does not encrypt: see e2ee.disabled and enableEncodedTransformSupport");
  const participant = conference.myUserId();
  const carrier = typeof log === "string" || log instanceof URL ? logTransport(log) : log;
  const session = await createSession({ ...rest, room, participant, transport: jitsiTransport(conference, carrier) });
  try {
    const channel = session.attachChannel(() => takeKeys(conference));
    handKeys(conference, { frameseal: { channel, room, participant } });
  } catch (error) {
    session.close();
    if (error instanceof E2eeError) throw error;
    throw new E2eeError("Unsupported", `this conference takes no keys: e2ee.externallyManagedKey must be true. ${String(error)}`);
  }
  if (codecs) freeCodecs(conference);
  const left = (): void => void session.leave();
  conference.on(EVENT.left, left);
  session.on("state", (state) => state === "left" && conference.off(EVENT.left, left));
  if (!conference.isE2EEEnabled()) conference.toggleE2EE(true);
  return session;
}

function handKeys(conference: JitsiConference, encryptionKey: unknown): void {
  conference.setMediaEncryptionKey({ encryptionKey, index: 0 });
}

/** The session is over, and perhaps the conference is too. */
function takeKeys(conference: JitsiConference): void {
  try {
    handKeys(conference, false);
  } catch {
    // Its worker is gone, and keys with it.
  }
}

export { E2eeError } from "../errors.ts";
export { freeCodecs } from "./codecs.ts";
export type { JitsiCodecSelection, JitsiConference, JitsiParticipant } from "./conference.ts";
export { jitsiTransport, type JitsiTransport, type JitsiTransportReport, type MessageConference } from "./transport.ts";
export type { Session } from "../session/session.ts";

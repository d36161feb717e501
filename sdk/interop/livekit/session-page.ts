/** A session in a room of the real livekit-client: what members tell each other goes by its data packets. */
import { Room, RoomEvent } from "livekit-client";
import type * as FramesealLivekit from "../../src/livekit/index.ts";
import type * as FramesealSession from "../../src/session/index.ts";

export interface Enter {
  readonly url: string;
  readonly token: string;
  readonly participant: string;
  /** Address of the relay's log for this room. */
  readonly log: string;
  /** Without the room: by the log alone. */
  readonly alone?: boolean;
}

/** What a member has of its session. */
export interface Entered {
  readonly state: string;
  readonly code: string;
  readonly epoch: number;
  readonly sealing: number | null;
  readonly members: readonly string[];
  readonly outside: readonly string[];
  readonly emoji: readonly string[];
  readonly sent: FramesealLivekit.LivekitTransportReport;
  /** Packets that came, by topic. */
  readonly packets: Readonly<Record<string, number>>;
  readonly trouble: readonly string[];
}

let room: Room | null = null;
let session: FramesealSession.Session | null = null;
let transport: FramesealLivekit.LivekitTransport | null = null;
const packets: Record<string, number> = {};
const trouble: string[] = [];

function mine(): FramesealSession.Session {
  if (session === null) throw new Error("nobody entered");
  return session;
}

export const sessions = {
  async enter({ url, token, participant, log, alone = false }: Enter): Promise<void> {
    const [{ livekitTransport }, { createSession, logTransport }] = [
      (await import("/dist/livekit.js" as string)) as typeof FramesealLivekit,
      (await import("/dist/session.js" as string)) as typeof FramesealSession,
    ];
    const byLog = logTransport(log);
    if (!alone) {
      room = new Room();
      room.on(RoomEvent.DataReceived, (_bytes, _from, _kind, topic = "") => (packets[topic] = (packets[topic] ?? 0) + 1));
      await room.connect(url, token);
      transport = livekitTransport(room, { log: byLog });
    }
    session = await createSession({ room: "council", participant, transport: transport ?? byLog });
    session.on("event", (event) => event.what === "trouble" && trouble.push(event.error.message));
  },
  async entered(): Promise<Entered> {
    const { sealing } = await mine().report();
    const { state, code, epoch, members, outside, emoji } = mine();
    const sent = transport?.report ?? { byData: 0, byLog: 0, reached: [] };
    return { state, code, epoch, sealing, members: members.map(({ participant }) => participant).sort(), outside, emoji: emoji.map(({ symbol }) => symbol), sent, packets: { ...packets }, trouble };
  },
  compare: (): Promise<void> => mine().compare(),
  rotate: (): Promise<void> => mine().rotate(),
  async leave(): Promise<void> {
    await mine().leave();
    await room?.disconnect();
  },
  /** Goes without a word. */
  async vanish(): Promise<void> {
    mine().close();
    await room?.disconnect();
  },
};

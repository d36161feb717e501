/** States, events, options and report of a session. */
import type { Emoji } from "./emoji.ts";
import type { E2eeError } from "../errors.ts";
import type { LogEntry } from "../report.ts";
import type { SessionIdentity, SessionMember, Somebody, Verdict } from "./members.ts";
import type { AgreedPolicy, KeyAgreement, RoomPolicy } from "./policy.ts";
import type { Session } from "./session.ts";
import type { SessionTransport } from "./transport.ts";

/**
 * Where a session stands.
 *
 * - `connecting`: the transport has not told where the room's log is.
 * - `joining`: on the way into the group.
 * - `waiting`: until a member lets this one in.
 * - `joined`: in the group; what is sent is sealed with its keys.
 * - `removed`: somebody removed this member.
 * - `refused`: somebody is in the group whom the application refused; this session did not enter it.
 * - `no-secret`: nobody enters the room without its secret, and this session has none or another one.
 * - `other-suite`: the members of the room agree on keys in another way than this one ({@link SessionOptions.agreement}).
 * - `forked`: others see another group: whoever carries the messages shows different ones to different members.
 * - `log-lost`, `left-behind`: the relay lost more than the members have, or more than this one knows.
 * - `left`, `closed`: by the application's own wish.
 * - `failed`: the session worker is gone.
 *
 * From `removed` on nothing is sealed any more. Out of `forked`, `log-lost` and `left-behind` leads {@link Session.rejoin};
 * the others are for good: join with a new session.
 */
export type SessionState =
  | "connecting"
  | "joining"
  | "waiting"
  | "joined"
  | "removed"
  | "refused"
  | "no-secret"
  | "other-suite"
  | "forked"
  | "log-lost"
  | "left-behind"
  | "left"
  | "closed"
  | "failed";

/** Something that an application shows. */
export type SessionEvent =
  /** A member is in the group, or is not any more. */
  | { readonly what: "came" | "went"; readonly member: SessionMember }
  /** What is sent is sealed with the keys of this epoch from now on. */
  | { readonly what: "keys"; readonly epoch: number }
  /** Messages go through, or do not. Keys stay as they are meanwhile. */
  | { readonly what: "connected" | "disconnected" }
  /**
   * Somebody is in the group whom the application refused: `barred` while this member has it removed, and seals nothing
   * until it is out; `refused` when this member did not enter because of it. `diverged`: this member sees another group
   * than this one and most others, to whom whoever carries the messages shows a different one.
   */
  | { readonly what: "refused" | "barred" | "diverged"; readonly who: readonly Somebody[] }
  /** This member said one thing and did another while all compared emoji. There are none in this epoch. */
  | { readonly what: "cheated"; readonly who: readonly Somebody[] }
  /**
   * They came since people compared ({@link Session.same}), and nobody has compared with them. To be shown: what people made
   * sure of holds for the others only.
   */
  | { readonly what: "uncompared"; readonly who: readonly Somebody[] }
  /** Something could not be used. Nothing changed, and the session goes on, unless its state says otherwise. */
  | { readonly what: "trouble"; readonly error: E2eeError }
  /** Of a later version of the session. */
  | { readonly what: "other"; readonly text: string };

/** Events of {@link Session.on}. */
export interface SessionEvents {
  members: readonly SessionMember[];
  /** The digits that members may compare: another in every epoch. */
  code: string;
  /** Seven emoji that all members of this epoch see, after one of them asked: `compare`. Empty: a new epoch. */
  emoji: readonly Emoji[];
  state: SessionState;
  /** Somebody waits to be let in: see {@link SessionOptions.lobby} and {@link Session.admit}. */
  knock: Somebody;
  /** Those who wait have changed. */
  knocking: readonly Somebody[];
  /** What the members agreed on. */
  policy: AgreedPolicy;
  /** Participants of the call that are not in the group: they get no key. Told where the transport knows who is in the call. */
  outside: readonly string[];
  event: SessionEvent;
}

/** Options of `createSession`. */
export interface SessionOptions {
  /** Name of the call, 1 to 512 bytes of UTF-8; the same for everybody, and for `createE2EE`. */
  readonly room: string;
  /** This participant's id, as the SFU's signalling names it; the same for `createE2EE`. */
  readonly participant: string;
  /** The name that the others are shown. Default: the participant's id. */
  readonly name?: string;
  /** What carries the messages: `logTransport(url)`, or one of the application's own. */
  readonly transport: SessionTransport;
  /** What the room's rules are, if this member is the first in it; the others take those that are there. */
  readonly policy?: Partial<RoomPolicy>;
  /**
   * How the members agree on keys: the same for everybody in the room, who comes with another one ends as `other-suite`. Default:
   * `x25519`. The other one loads `session-pq.wasm` in place of `session.wasm`.
   */
  readonly agreement?: KeyAgreement;
  /** Who knocks waits for {@link Session.admit} of this member or for another. Default: `verdict` decides. */
  readonly lobby?: boolean;
  /** Who this page is and whom it knows: `proof` and `verdict` in one, as `frameseal/identity` makes them. */
  readonly identity?: SessionIdentity;
  /**
   * What proves the name, up to 16 KiB, for the others' `verdict`: an ID token whose nonce commits to the key that this is
   * called with, for example. Default: nothing.
   */
  readonly proof?: (key: Uint8Array) => Uint8Array | Promise<Uint8Array>;
  /**
   * Who may be in the group, and as whom. Called once for everybody who would enter, before anything happens. Default:
   * everybody, as `unverified`. What it throws counts as `refused`.
   */
  readonly verdict?: Verdict;
  /**
   * A secret of the room from outside, 16 to 256 bytes that cannot be guessed: a room that is founded with one is entered by
   * nobody without it, and it goes into the keys of every epoch. A copy goes to the session worker.
   */
  readonly secret?: Uint8Array;
  /** A worker that the page made from `frameseal/session-worker`. One worker serves one session. */
  readonly worker?: Worker;
  /** Where `frameseal/session-worker` is served. Default: beside this module. */
  readonly workerUrl?: string | URL;
  /** The session module: where it is served, or itself. Default: beside the worker. */
  readonly wasm?: string | URL | ArrayBuffer | WebAssembly.Module;
}

/** Figures for a support desk: JSON without any key. */
export interface SessionReport {
  readonly version: 1;
  readonly at: string;
  readonly room: string;
  readonly participant: string;
  readonly state: SessionState;
  readonly connected: boolean;
  /** The newest epoch, and the one whose keys seal; `null`: nothing is sealed. */
  readonly epoch: number;
  readonly sealing: number | null;
  readonly policy: AgreedPolicy | null;
  readonly agreement: KeyAgreement;
  readonly members: readonly Omit<SessionMember, "proof">[];
  readonly outside: readonly string[];
  /** Epochs whose keys open. */
  readonly epochs: readonly number[];
  /** Memory of the session module, bytes. */
  readonly wasmBytes: number;
  /** Media workers that get the keys. */
  readonly mediaWorkers: number;
  readonly log: readonly LogEntry[];
}

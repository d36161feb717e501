/** Who is in the room: who speaks Frameseal, and how it stands with what they send. */
import type { TrackState } from "../kinds.ts";
import type { FormatPolicy } from "../compat.ts";

/**
 * How it stands with a participant, from frames that were measured.
 *
 * - `waiting`: nothing came yet.
 * - `encrypted`: what comes opens.
 * - `failing`: what comes does not open; `tracks` of the report says why.
 * - `foreign`: sends, and does not speak Frameseal. Nothing is opened of it, and it cannot open anything. Not under the
 *   policies `livekit` and `auto`.
 */
export type MemberState = "waiting" | "encrypted" | "failing" | "foreign";

/** How long somebody who came has to announce itself before it counts as a stock client, milliseconds. */
const GRACE_MS = 2500;

/** What changes are told to. */
export interface MemberEvents {
  /** A member's state is another one. */
  moved(identity: string, state: MemberState, before: MemberState): void;
  /** Somebody turned out to be a stock client, or not to be one, or left. */
  changed(): void;
}

interface Member {
  announcement: string | null;
  /** States of its tracks that are received. */
  readonly tracks: Map<number, TrackState>;
  state: MemberState;
  /** It had time to announce itself. */
  due: boolean;
}

/** See the file's comment. */
export class Members {
  readonly #policy: FormatPolicy;
  readonly #events: MemberEvents;
  readonly #members = new Map<string, Member>();
  readonly #tracks = new WeakMap<RTCRtpReceiver, number>();

  constructor(policy: FormatPolicy, events: MemberEvents) {
    this.#policy = policy;
    this.#events = events;
  }

  /** The state of each. */
  get states(): Map<string, MemberState> {
    return new Map([...this.#members].map(([identity, { state }]) => [identity, state]));
  }

  /** Whether somebody announced itself. */
  speaksFrameseal(identity: string): boolean {
    return this.#members.get(identity)?.announcement != null;
  }

  /** Who had time to announce itself and did not. */
  get stock(): string[] {
    return [...this.#members].filter(([, { announcement, due }]) => announcement === null && due).map(([identity]) => identity);
  }

  /** Somebody is there; `true` when it announced something new. */
  heard(identity: string, announcement: string | undefined): boolean {
    const member = this.#find(identity);
    const fresh = announcement !== undefined && announcement !== member.announcement;
    if (fresh) member.announcement = announcement;
    this.#show(identity, member);
    if (fresh) this.#events.changed();
    return fresh;
  }

  left(identity: string): void {
    if (this.#members.delete(identity)) this.#events.changed();
  }

  subscribed(identity: string, receiver: RTCRtpReceiver, track: number, state: TrackState): void {
    this.#tracks.set(receiver, track);
    const member = this.#find(identity);
    member.tracks.set(track, state);
    this.#show(identity, member);
  }

  unsubscribed(identity: string, receiver: RTCRtpReceiver): void {
    const [member, track] = [this.#members.get(identity), this.#tracks.get(receiver)];
    if (member === undefined || track === undefined) return;
    member.tracks.delete(track);
    this.#show(identity, member);
  }

  /** A track's state changed. */
  moved(identity: string, track: number, state: TrackState): void {
    const member = this.#members.get(identity);
    if (member?.tracks.has(track) !== true) return;
    member.tracks.set(track, state);
    this.#show(identity, member);
  }

  clear(): void {
    this.#members.clear();
  }

  #find(identity: string): Member {
    const known = this.#members.get(identity);
    if (known !== undefined) return known;
    const member: Member = { announcement: null, tracks: new Map(), state: "waiting", due: false };
    this.#members.set(identity, member);
    setTimeout(() => {
      member.due = true;
      if (this.#members.get(identity) !== member) return;
      this.#show(identity, member);
      this.#events.changed();
    }, GRACE_MS);
    return member;
  }

  #show(identity: string, member: Member): void {
    const [state, before] = [stateOf(member, this.#policy), member.state];
    if (state === before) return;
    member.state = state;
    this.#events.moved(identity, state, before);
  }
}

function stateOf({ announcement, tracks, due }: Member, policy: FormatPolicy): MemberState {
  if (announcement === null && policy === "sframe") return due && tracks.size > 0 ? "foreign" : "waiting";
  const states = [...tracks.values()].filter((state) => state !== "new");
  if (states.length === 0) return "waiting";
  return states.every((state) => state === "ok") ? "encrypted" : "failing";
}

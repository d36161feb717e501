/** Who is in a session, and how one knows. */

/** How somebody is known: somebody that the application relies on vouches for it, nobody does, or it must not be in. */
export type Trust = "unverified" | "verified" | "refused";

/** The number of each, as the session module has it. */
export const TRUST_NUMBER: Readonly<Record<Trust, number>> = { unverified: 0, verified: 1, refused: 2 };

/** Somebody who wants in, or is in a group that one would enter. */
export interface Somebody {
  /** The participant that it says it is. */
  readonly participant: string;
  /** The name that it gives itself. */
  readonly name: string;
  /** Its identity: the public key of its signatures, 64 hexadecimal digits. */
  readonly key: string;
  /** What it says proves its name, up to 16 KiB; empty for nothing. */
  readonly proof: Uint8Array;
}

/**
 * Why a verdict is wanted: somebody asks to be let in; somebody entered by itself or was let in by another member; they
 * are in the group that this member would enter.
 */
export type Why = "knocks" | "entered" | "inside";

/** A member of the group, as the group's keys say it and not a server. */
export interface SessionMember extends Somebody {
  /** Its place in the group: the sender index of its frames. */
  readonly index: number;
  readonly trust: Trust;
  /** This page. */
  readonly self: boolean;
  /**
   * Whether its frames are opened. `false` for who was refused, and for one that claims a participant whom another member
   * was first to claim: show it, somebody may be trying to pass for somebody else.
   */
  readonly heard: boolean;
}

/** The application's word on who may be in the group, and as whom. */
export type Verdict = (who: Somebody, why: Why) => Trust | Promise<Trust>;

/** Who this page is and whom it knows: what `frameseal/identity` makes, or the application's own. */
export interface SessionIdentity {
  /** What proves who this is, for the others; see `SessionOptions.proof`. */
  proof?(key: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** Who may be in, and as whom. */
  readonly verdict?: Verdict;
}

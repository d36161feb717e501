/**
 * What the session's worker tells a media worker, over a port that joins the two: the one way that keys take. The page
 * hands the port on and reads nothing of it.
 */

/** From the session to the media. */
export type ToMedia =
  | {
      /** Open with the keys of this epoch from now on; the newest is the highest. */
      readonly t: "epoch";
      readonly epoch: number;
      /** Cipher suite that everybody seals with in it, the number in the SFrame registry. */
      readonly suite: number;
      /** The epoch's secret, 32 bytes; the receiver wipes it. */
      readonly secret: Uint8Array<ArrayBuffer>;
      /** Who speaks for which participant, and the sender index of each. A participant is named once at most. */
      readonly members: readonly { readonly index: number; readonly participant: string }[];
    }
  /** Seal with the keys of this epoch from now on. No two sealers of a session ever have the same `context`. */
  | { readonly t: "seal-with"; readonly epoch: number; readonly index: number; readonly context: number }
  /** Seal nothing from now on. */
  | { readonly t: "hush" }
  /** Forget this epoch and those before it. */
  | { readonly t: "forget"; readonly epoch: number }
  /** Open nothing any more of who had this sender index before this epoch. */
  | { readonly t: "bar"; readonly before: number; readonly index: number };

/** From the media to the session. */
export type FromMedia =
  /** The keys of this epoch open frames from now on. */
  | { readonly t: "opened"; readonly epoch: number }
  /** A message was not taken; nothing is sealed since. */
  | { readonly t: "refused"; readonly what: ToMedia["t"]; readonly code: number };

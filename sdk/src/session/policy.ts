/** What the members of a room agreed on. They sign for it: whoever carries the messages cannot change it. */
import { E2eeError } from "../errors.ts";
import { type CipherSuite, DEFAULT_SUITE, SUITE_NUMBER } from "../kinds.ts";

/** See the file's comment. */
export interface RoomPolicy {
  /**
   * Whether media is encrypted. `required`: always; who cannot encrypt gets nothing, and is shown. `preferred`: always, and
   * the application may offer to agree on `off` where somebody cannot. `off`: not at all; nobody gets a key.
   */
  readonly mode: "required" | "preferred" | "off";
  /** Who lets somebody in: nobody needs to, or a member must. */
  readonly admit: "anyone" | "members";
  /** Cipher suite of everybody's frames. */
  readonly suite: CipherSuite;
}

/** A room's rules as its members have them. */
export interface AgreedPolicy extends RoomPolicy {
  /** Nobody enters without a secret from outside; see `SessionOptions.secret`. */
  readonly secret: boolean;
}

const MODES: readonly RoomPolicy["mode"][] = ["required", "preferred", "off"];
const ADMIT: readonly RoomPolicy["admit"][] = ["anyone", "members"];

/**
 * How the members agree on keys, the same for everybody in a room; it does not change in a room.
 *
 * - `x25519`: MLS suite 0x0001 (RFC 9420), what everybody speaks.
 * - `mlkem768-x25519-draft`: ML-KEM-768 with X25519, suite 0x004F, for keys that a quantum computer of the future does not get out
 *   of what is recorded today. **A draft**: the number is of draft-ietf-mls-pq-ciphersuites and may change, and all members
 *   need the same version of this package.
 */
export type KeyAgreement = "x25519" | "mlkem768-x25519-draft";

/** The number of each among the suites of MLS. */
export const AGREEMENT_NUMBER: Readonly<Record<KeyAgreement, number>> = { x25519: 0x0001, "mlkem768-x25519-draft": 0x004f };

/** Encrypted always, open to who knows the room. */
export const DEFAULT_POLICY: RoomPolicy = { mode: "required", admit: "anyone", suite: DEFAULT_SUITE };

/** Checks it; throws `BadOption`. */
export function checkPolicy(policy: RoomPolicy): RoomPolicy {
  const { mode, admit, suite } = policy;
  if (!MODES.includes(mode)) throw new E2eeError("BadOption", `policy.mode: want ${MODES.join(", ")}, got ${String(mode)}`);
  if (!ADMIT.includes(admit)) throw new E2eeError("BadOption", `policy.admit: want ${ADMIT.join(", ")}, got ${String(admit)}`);
  if (!(suite in SUITE_NUMBER)) throw new E2eeError("BadOption", `policy.suite: unknown cipher suite ${String(suite)}`);
  return policy;
}

/** As the session module has it. */
export function policyBytes({ mode, admit, suite }: RoomPolicy): Uint8Array {
  return Uint8Array.of(MODES.indexOf(mode) + 1, ADMIT.indexOf(admit) + 1, 0, SUITE_NUMBER[suite]);
}

/** Out of the session module's numbers; `null` for a suite that this version does not know. */
export function readPolicy(mode: number, admit: number, suite: number, secret: boolean): AgreedPolicy | null {
  const known = (Object.keys(SUITE_NUMBER) as CipherSuite[]).find((name) => SUITE_NUMBER[name] === suite);
  const [how, who] = [MODES[mode - 1], ADMIT[admit - 1]];
  return known === undefined || how === undefined || who === undefined ? null : { mode: how, admit: who, suite: known, secret };
}

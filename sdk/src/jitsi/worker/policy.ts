/**
 * What a deployment decides: `self.framesealPolicy`, set by a line in front of the file. It cannot stand in the worker's
 * address, which lib-jitsi-meet makes.
 */

/** See {@link policyOf}. */
export interface Policy {
  /** Media goes out and comes in in clear after encryption was switched off. */
  readonly clear: boolean;
  /** Frames without a byte, as encoders make them in silence, pass. */
  readonly empty: boolean;
  /** Frames of sound are filled up to the same sizes; in Frameseal's own format alone. */
  readonly padding: boolean;
}

/** `clear: "never"` takes back what the switch in the page allows; `empty: "pass"` lets frames without a byte pass; `padding: true` pads. */
export function policyOf(given: unknown): Policy {
  const said = (typeof given === "object" && given !== null ? given : {}) as Record<string, unknown>;
  return { clear: said["clear"] !== "never", empty: said["empty"] === "pass", padding: said["padding"] === true };
}

/**
 * The codec rules that need nothing but a length: opaque codecs and VP8. AV1, H.264 and H.265 must be parsed and
 * rewritten; without WebAssembly they are refused, never guessed at.
 */
import { RULE } from "../codec.ts";

/** Clear bytes at the start of `frame`; `null` when the rule is not one of this engine, or the frame not of it. */
export function clearLength(rule: number, frame: Uint8Array): number | null {
  if (rule === RULE.opaque) return 0;
  if (rule !== RULE.vp8) return null;
  const tag = frame[0];
  if (tag === undefined) return null;
  const clear = (tag & 1) === 0 ? 6 : 1;
  return frame.length < clear ? null : clear;
}

/** True when this engine can lay out frames of the rule. */
export function hasRule(rule: number): boolean {
  return rule === RULE.opaque || rule === RULE.vp8;
}

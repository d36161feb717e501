/**
 * The public text of a sender: `fs1-` suite (4 hex digits) `-` incarnation (32 hex digits). The same form as in the
 * core.
 */
import { Code } from "../codes.ts";
import { hex, unhex } from "../hex.ts";
import { Refusal } from "./refusal.ts";

/** Bytes of an incarnation. */
export const INCARNATION_LENGTH = 16;

/** What an announcement says. */
export interface Announcement {
  readonly suite: number;
  readonly incarnation: Uint8Array;
}

/** The text of an announcement. */
export function announce({ suite, incarnation }: Announcement): string {
  return `fs1-${suite.toString(16).padStart(4, "0")}-${hex(incarnation)}`;
}

/** Reads one; throws `BadAnnouncement`. */
export function readAnnouncement(text: string): Announcement {
  const found = /^fs1-([0-9a-f]{4})-([0-9a-f]{32})$/i.exec(text);
  if (found === null) {
    const why = isNewer(text) ? "is of another version than fs1" : "is malformed: want fs1-ssss- and 32 hex digits";
    throw new Refusal(Code.BadAnnouncement, `the announcement ${why}`);
  }
  const [, suite = "", digits = ""] = found;
  const incarnation = unhex(digits);
  return { suite: Number.parseInt(suite, 16), incarnation };
}

/** True for what another version of this format announces. */
export function isNewer(text: string): boolean {
  return /^fs\d+-/.test(text) && !text.startsWith("fs1-");
}

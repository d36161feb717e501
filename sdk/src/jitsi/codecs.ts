/** lib-jitsi-meet sends VP8 while it encrypts, as its own format has no layout for others. Frameseal's has. */
import type { JitsiConference } from "./conference.ts";

const FREED = new WeakSet<object>();

/**
 * Lets the conference choose video codecs as it does without encryption (`videoQuality.codecPreferenceOrder`). Before
 * encryption is switched on: codecs are chosen with every media session.
 *
 * @returns `false`: this release of lib-jitsi-meet is not known, and VP8 it stays.
 */
export function freeCodecs(conference: Pick<JitsiConference, "isE2EEEnabled" | "qualityController">): boolean {
  const selection = conference.qualityController?.codecController;
  if (typeof selection?.selectPreferredCodec !== "function") return false;
  if (FREED.has(selection)) return true;
  const select = selection.selectPreferredCodec;
  selection.selectPreferredCodec = (...session) => {
    // It asks the conference; nobody else can ask meanwhile, for nothing in it waits.
    const own = Object.getOwnPropertyDescriptor(conference, "isE2EEEnabled");
    Object.defineProperty(conference, "isE2EEEnabled", { configurable: true, value: () => false });
    try {
      select.apply(selection, session);
    } finally {
      if (own === undefined) Reflect.deleteProperty(conference, "isE2EEEnabled");
      else Object.defineProperty(conference, "isE2EEEnabled", own);
    }
  };
  FREED.add(selection);
  return true;
}

/**
 * Announcements as messages, for rooms whose tokens do not allow attributes. They are public, and must come through before
 * any key is there: so they go unencrypted inside the message that livekit-client takes for an encrypted one. Nothing but an
 * announcement passes that way, in either direction, and the application never sees one.
 */

/** What livekit-client puts into an encrypted message. */
export interface Sealed {
  readonly uuid: string;
  readonly payload: Uint8Array<ArrayBuffer>;
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly keyIndex: number;
}

/** Stands where a message has its IV. */
const MARK = new TextEncoder().encode("fs-announces");
const ANNOUNCEMENT = /fs\d+-[0-9a-f]{4}-[0-9a-f]{32}/;
/** An announcement and a topic inside livekit-client's message have no more. */
const LONGEST = 256;

/** A message that announces `own`, as it goes out; `null` for any other. */
export function sealedAnnouncement(data: Uint8Array, topic: string, own: string): Sealed | null {
  if (own === "" || announcementIn(data) !== own || !latin1(data).includes(topic)) return null;
  return { uuid: "", payload: new TextEncoder().encode(own), iv: MARK.slice(), keyIndex: 0 };
}

/** What a message announces; `null` for any other message. */
export function readAnnounced(payload: Uint8Array, iv: Uint8Array): string | null {
  const marked = iv.length === MARK.length && iv.every((byte, n) => byte === MARK[n]);
  return marked ? announcementIn(payload) : null;
}

function announcementIn(data: Uint8Array): string | null {
  return data.length > LONGEST ? null : (ANNOUNCEMENT.exec(latin1(data))?.[0] ?? null);
}

function latin1(data: Uint8Array): string {
  return String.fromCharCode(...data);
}

/**
 * The address of a call: the room in the query or path. Its members agree on keys among themselves, unless the link has a
 * secret after the `#`, which browsers keep to themselves: then the keys come from that.
 */

const SECRET_BYTES = 24;
const SECRET = /^[A-Za-z0-9_-]{32}$/;

export interface RoomAddress {
  readonly room: string;
  /** Empty: there is none. */
  readonly secret: string;
  /** The link held a secret, and it is not one. */
  readonly damaged: boolean;
  /** The link was somebody's invitation: it names a room. */
  readonly invited: boolean;
}

/** Reads room and secret from the page's address; makes what is missing. */
export function readAddress(url: URL): RoomAddress {
  const fromPath = decoded(url.pathname.replace(/^\/(index\.html)?/, '').split('/')[0] ?? '');
  const room = (url.searchParams.get('room') ?? fromPath).trim().slice(0, 64);
  const fragment = new URLSearchParams(url.hash.slice(1));
  const given = fragment.get('k');
  const damaged = given !== null && !SECRET.test(given);
  return {
    room: room === '' ? roomName() : room,
    secret: given !== null && !damaged ? given : url.searchParams.get('keys') === 'secret' ? newSecret() : '',
    damaged,
    invited: room !== '',
  };
}

/** The link to hand to others. Only room and fragment: no name, no options of this visit. */
export function invitation(base: URL, room: string, secret: string): string {
  const link = new URL(base.origin);
  link.searchParams.set('room', room);
  if (secret !== '') link.hash = new URLSearchParams({ k: secret }).toString();
  return link.href;
}

/** 192 random bits, base64url. */
export function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_');
}

/** A stray percent sign in an address is no reason to fail. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const COLOURS = ['amber', 'azure', 'coral', 'ivory', 'jade', 'lilac', 'ochre', 'pearl', 'silver', 'teal'];
const PLACES = ['bay', 'bridge', 'garden', 'harbour', 'island', 'meadow', 'orchard', 'river', 'summit', 'valley'];

/** A name one can say on the phone. It is an address, not a secret. */
function roomName(): string {
  const [a = 0, b = 0, c = 0] = crypto.getRandomValues(new Uint16Array(3));
  return `${COLOURS[a % COLOURS.length]}-${PLACES[b % PLACES.length]}-${10 + (c % 90)}`;
}

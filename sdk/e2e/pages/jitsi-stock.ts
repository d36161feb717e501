/**
 * A participant of a Jitsi conference as its clients in the field are, with WebCrypto, written from what is known of the
 * format (`crates/e2ee-core/src/jitsi`): for tests opposite `frameseal/jitsi-worker`, and as what it is measured against.
 */

/** The part of an encoded frame that is used. */
export interface StockFrame {
  data: ArrayBuffer;
  readonly type?: string | undefined;
  readonly timestamp?: number | undefined;
  getMetadata(): { readonly synchronizationSource?: number | undefined };
}

interface Held {
  readonly material: CryptoKey;
  readonly aes: CryptoKey;
}

const CLEAR: Readonly<Record<string, number>> = { key: 10, delta: 3 };
const TAG = 16;
const IV = 12;
const RING = 16;
const STEPS = 8;
const text = new TextEncoder();

/** Keys, counts and frames of one participant. */
export class Stock {
  readonly #ring: (Held | null)[] = new Array<Held | null>(RING).fill(null);
  #current = 0;
  readonly #counts = new Map<number, number>();

  async setKey(key: Uint8Array<ArrayBuffer> | null, index: number): Promise<void> {
    this.#current = index % RING;
    this.#ring[this.#current] = key === null ? null : await hold(key);
  }

  /** `true`: the frame goes on. */
  async seal(frame: StockFrame): Promise<boolean> {
    const held = this.#ring[this.#current];
    if (!held) return false;
    const ssrc = frame.getMetadata().synchronizationSource ?? 0;
    const count = this.#counts.get(ssrc) ?? Math.floor(Math.random() * 65_535);
    this.#counts.set(ssrc, count + 1);
    const iv = new Uint8Array(IV);
    const words = new DataView(iv.buffer);
    words.setUint32(0, ssrc);
    words.setUint32(4, frame.timestamp ?? 0);
    words.setUint32(8, count % 65_535);
    const clear = clearBytes(frame);
    const plain = new Uint8Array(frame.data);
    const additionalData = plain.subarray(0, clear);
    const body = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, held.aes, plain.subarray(clear)));
    const wire = new Uint8Array(clear + body.length + IV + 2);
    wire.set(additionalData);
    wire.set(body, clear);
    wire.set(iv, clear + body.length);
    wire.set([IV, this.#current], clear + body.length + IV);
    frame.data = wire.buffer;
    return true;
  }

  async open(frame: StockFrame): Promise<boolean> {
    const wire = new Uint8Array(frame.data);
    const index = wire[wire.length - 1] ?? RING;
    const held = this.#ring[index];
    const clear = clearBytes(frame);
    const ivLength = wire[wire.length - 2] ?? 0;
    const end = wire.length - 2 - ivLength;
    if (!held || end < clear + TAG) return false;
    const plain = await this.#decrypt(held, index, wire.subarray(0, clear), wire.subarray(clear, end), wire.subarray(end, end + ivLength));
    if (plain === null) return false;
    const out = new Uint8Array(clear + plain.byteLength);
    out.set(wire.subarray(0, clear));
    out.set(new Uint8Array(plain), clear);
    frame.data = out.buffer;
    return true;
  }

  /** Steps ahead are followed on the slot that was set last. */
  async #decrypt(held: Held, index: number, additionalData: Uint8Array<ArrayBuffer>, body: Uint8Array<ArrayBuffer>, iv: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer | null> {
    let tried = held;
    for (let step = 0; step <= STEPS; step++) {
      try {
        const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, tried.aes, body);
        this.#ring[index] = tried;
        return plain;
      } catch {
        if (index !== this.#current) return null;
        tried = await hold(await ratchet(tried.material));
      }
    }
    return null;
  }
}

/** The media key one step on. */
export async function ratcheted(key: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return ratchet((await hold(key)).material);
}

function clearBytes({ type }: StockFrame): number {
  return type === undefined ? 1 : (CLEAR[type] ?? 0);
}

async function hold(key: Uint8Array<ArrayBuffer>): Promise<Held> {
  const material = await crypto.subtle.importKey("raw", key, "HKDF", false, ["deriveBits", "deriveKey"]);
  const from = { name: "HKDF", hash: "SHA-256", salt: text.encode("JFrameEncryptionKey"), info: new Uint8Array(0) };
  const aes = await crypto.subtle.deriveKey(from, material, { name: "AES-GCM", length: 128 }, false, ["encrypt", "decrypt"]);
  return { material, aes };
}

async function ratchet(material: CryptoKey): Promise<Uint8Array<ArrayBuffer>> {
  const from = { name: "HKDF", hash: "SHA-256", salt: text.encode("JFrameRatchetKey"), info: new Uint8Array(0) };
  return new Uint8Array(await crypto.subtle.deriveBits(from, material, 256));
}

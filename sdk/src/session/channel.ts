/**
 * The port between session and media worker (`port.ts`) for a media worker to which nobody can hand one: both open the
 * broadcast channel of a name that is drawn for the two, and the page tells them only that.
 *
 * A name can be heard by every script of the origin that has it, for as long as the channel is open. So the two agree on a key
 * (ECDH on P-256, the first media worker that answers) and say everything under it: afterwards the name is worth nothing. A
 * script that has it before can come first, as it could keep a port; the page sees then that its own worker has no keys.
 */
import type { FromMedia, ToMedia } from "./port.ts";

type OverChannel =
  /** The session's worker listens: who is there? */
  | { readonly t: "who" }
  /** A media worker listens, and this is its public key. `run` is another one in each. */
  | { readonly t: "here"; readonly run: string; readonly key: Uint8Array<ArrayBuffer> }
  /** The session's worker has taken this one. */
  | { readonly t: "hello"; readonly run: string; readonly key: Uint8Array<ArrayBuffer> }
  | { readonly t: "said"; readonly run: string; readonly toMedia: boolean; readonly words: Sealed };

/** A message: what is no secret of it, authenticated, and the secret, sealed. */
interface Sealed {
  readonly about: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const CURVE = { name: "ECDH", namedCurve: "P-256" } as const;
const INFO = "Frameseal 1 channel";

/** A name that nobody guesses. */
export function newChannelName(): string {
  return `frameseal-${crypto.randomUUID()}`;
}

/** One end, once both have a key; a message is taken in the order of sending, once. */
abstract class End<In, Out extends ToMedia | FromMedia> {
  onmessage: ((event: { readonly data: In }) => void) | null = null;
  protected readonly channel: BroadcastChannel;
  readonly #name: string;
  readonly #own = crypto.subtle.generateKey(CURVE, false, ["deriveBits"]);
  readonly #toMedia: boolean;
  /** Everything that waits for WebCrypto, one behind the other. */
  #queue: Promise<void> = Promise.resolve();
  #line: { readonly run: string; readonly key: CryptoKey } | null = null;
  #sent = 0;
  #heard = 0;

  constructor(name: string, toMedia: boolean) {
    this.#name = name;
    this.#toMedia = toMedia;
    this.channel = new BroadcastChannel(name);
    this.channel.onmessage = ({ data }: { data: OverChannel }) => {
      this.inOrder(async () => {
        if (data.t === "said" && data.toMedia !== this.#toMedia && data.run === this.#line?.run) await this.#hear(data.words);
        else await this.heard(data);
      });
    };
  }

  postMessage(message: Out): void {
    this.inOrder(() => this.#say(message));
  }

  close(): void {
    this.onmessage = null;
    this.inOrder(() => this.channel.close());
  }

  protected abstract heard(message: OverChannel): Promise<void>;

  protected inOrder(work: () => void | Promise<void>): void {
    // What does not authenticate is of somebody else, and changes nothing.
    this.#queue = this.#queue.then(work).catch(() => undefined);
  }

  protected tell(message: OverChannel): void {
    this.channel.postMessage(message);
  }

  protected async publicKey(): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(await crypto.subtle.exportKey("raw", (await this.#own).publicKey));
  }

  protected get joined(): boolean {
    return this.#line !== null;
  }

  /** The key of the two; in it are the channel, the run and both public keys. */
  protected async join(run: string, theirs: Uint8Array<ArrayBuffer>): Promise<void> {
    const [{ privateKey }, ours] = [await this.#own, await this.publicKey()];
    const other = await crypto.subtle.importKey("raw", theirs, CURVE, false, []);
    const agreed = await crypto.subtle.importKey("raw", await crypto.subtle.deriveBits({ name: "ECDH", public: other }, privateKey, 256), "HKDF", false, ["deriveKey"]);
    const both = this.#toMedia ? [...ours, ...theirs] : [...theirs, ...ours];
    const info = new Uint8Array([...new TextEncoder().encode(`${INFO} ${this.#name} ${run} `), ...both]);
    const key = await crypto.subtle.deriveKey({ name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info }, agreed, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    this.#line = { run, key };
  }

  async #say(message: Out): Promise<void> {
    const secret = message.t === "epoch" ? message.secret : new Uint8Array();
    try {
      if (this.#line === null) return;
      const { run, key } = this.#line;
      const about = JSON.stringify({ ...message, secret: null });
      const bytes = new Uint8Array(await crypto.subtle.encrypt(params(this.#toMedia, this.#sent++, about), key, secret));
      this.tell({ t: "said", run, toMedia: this.#toMedia, words: { about, bytes } });
    } finally {
      // A port moves it.
      secret.fill(0);
    }
  }

  async #hear({ about, bytes }: Sealed): Promise<void> {
    if (this.#line === null) return;
    const secret = new Uint8Array(await crypto.subtle.decrypt(params(!this.#toMedia, this.#heard, about), this.#line.key, bytes));
    this.#heard++;
    const message = JSON.parse(about) as { t: string };
    this.onmessage?.({ data: (message.t === "epoch" ? { ...message, secret } : message) as In });
  }
}

/** The session's end: its media worker is the first that answers. */
export class SessionEnd extends End<FromMedia, ToMedia> {
  readonly #seated: (end: SessionEnd) => void;

  constructor(name: string, seated: (end: SessionEnd) => void) {
    super(name, true);
    this.#seated = seated;
    this.tell({ t: "who" });
  }

  protected override async heard(message: OverChannel): Promise<void> {
    if (message.t !== "here" || this.joined) return;
    await this.join(message.run, message.key);
    this.tell({ t: "hello", run: message.run, key: await this.publicKey() });
    this.#seated(this);
  }
}

/** The media worker's end. */
export class MediaEnd extends End<ToMedia, FromMedia> {
  readonly #run = crypto.randomUUID();

  constructor(name: string) {
    super(name, false);
    this.inOrder(() => this.#here());
  }

  protected override async heard(message: OverChannel): Promise<void> {
    if (this.joined) return;
    if (message.t === "who") await this.#here();
    if (message.t === "hello" && message.run === this.#run) await this.join(message.run, message.key);
  }

  async #here(): Promise<void> {
    this.tell({ t: "here", run: this.#run, key: await this.publicKey() });
  }
}

/** A direction's messages are counted: none is under the IV of another one, and none is taken twice or out of its turn. */
function params(toMedia: boolean, count: number, about: string): AesGcmParams {
  const iv = new Uint8Array(12);
  const view = new DataView(iv.buffer);
  view.setUint32(0, toMedia ? 1 : 0);
  view.setBigUint64(4, BigInt(count));
  return { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(about) };
}

/**
 * livekit-client's own E2EE worker, unchanged, inside this worker: its messages are handed to it and its answers
 * taken. It makes a `TransformStream` for each track; the function given to that is its cost per frame.
 */
import type { Frame } from "./frames.ts";
import type { Process, Subject } from "./subject.ts";

/** What livekit-client's `ExternalE2EEKeyProvider` sets. */
const KEY_PROVIDER = {
  sharedKey: true,
  ratchetSalt: "LKFrameEncryptionKey",
  ratchetWindowSize: 0,
  failureTolerance: -1,
  keyringSize: 16,
  keySize: 128,
};

/** The messages that set its worker up as for one participant. */
export async function setupMessages(participantIdentity: string): Promise<object[]> {
  const password = new TextEncoder().encode("open sesame");
  const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits", "deriveKey"]);
  return [
    { kind: "init", data: { keyProviderOptions: KEY_PROVIDER, loglevel: "error" } },
    { kind: "setKey", data: { participantIdentity, isPublisher: true, key, keyIndex: 0 } },
    { kind: "enable", data: { enabled: true, participantIdentity } },
  ];
}

interface Answer {
  readonly kind: string;
  readonly data?: { readonly error?: unknown };
}

/** The globals that its code uses. */
interface Scope {
  postMessage: (message: Answer) => void;
  onmessage: ((event: { readonly data: object }) => void) | null;
  TransformStream: typeof TransformStream;
}

type TransformFn = (frame: Frame, controller: { enqueue(frame: Frame): void }) => Promise<void>;

/** It hands frames on here; {@link Process} is told of failures by the frame's data. */
const SINK = { enqueue: () => undefined };

/** Loads the worker's code from `url` and sets it up. This worker must have taken `postMessage` before. */
export async function livekit(url: string): Promise<Subject> {
  const scope = self as unknown as Scope;
  const { onmessage } = scope;
  let enabled: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => (enabled = resolve));
  scope.postMessage = (message) => {
    if (message.kind === "error") throw new Error(`livekit-client's worker: ${String(message.data?.error)}`);
    if (message.kind === "enable") enabled();
  };
  await import(url);
  const receive = scope.onmessage as (event: { readonly data: object }) => void;
  scope.onmessage = onmessage;
  for (const data of await setupMessages("ada")) receive({ data });
  await ready;

  const made: TransformFn[] = [];
  const Native = scope.TransformStream;
  scope.TransformStream = class extends Native {
    constructor(transformer?: Transformer<Frame, Frame>, ...rest: QueuingStrategy[]) {
      super(transformer as Transformer, ...rest);
      if (transformer?.transform !== undefined) made.push(transformer.transform as unknown as TransformFn);
    }
  } as typeof TransformStream;

  let tracks = 0;
  const attach = async (
    kind: "encode" | "decode",
    media: "audio" | "video",
    readableStream: ReadableStream<Frame>,
    writableStream: WritableStream<Frame>,
  ): Promise<TransformFn> => {
    const codec = media === "video" ? "vp8" : undefined;
    const trackId = `t${++tracks}`;
    receive({ data: { kind, data: { readableStream, writableStream, participantIdentity: "ada", trackId, codec, hasPacketTrailer: false } } });
    // Its messages are worked off in turns of their own.
    for (let turn = 0; made.length === 0 && turn < 100; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
    const transform = made.pop();
    if (transform === undefined) throw new Error("livekit-client's worker made no TransformStream");
    return transform;
  };
  const alone = async (kind: "encode" | "decode", media: "audio" | "video"): Promise<Process> => {
    const transform = await attach(kind, media, new ReadableStream<Frame>(), new WritableStream<Frame>());
    return (frame) => transform(frame, SINK);
  };
  return {
    name: "livekit-client",
    async pair(media) {
      return { seal: await alone("encode", media), open: await alone("decode", media) };
    },
    async pipe(media, readable, writable) {
      await attach("encode", media, readable, writable);
    },
  };
}

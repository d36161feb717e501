/// <reference lib="webworker" />
/**
 * Loaded in front of `jitsi-sframe-worker.js`: tells the SFU in test mode what is about to be sealed, so that it can look for
 * that in what it forwards. The worker itself is the package's.
 */
import { Witness } from "../../src/worker/witness.ts";
import type { EncodedFrame } from "../../src/worker/engine.ts";

interface Transformer {
  readonly readable: ReadableStream<EncodedFrame>;
  readonly writable: WritableStream<EncodedFrame>;
  readonly options: { readonly operation: string };
  sendKeyFrameRequest?(): Promise<unknown>;
  generateKeyFrame?(): Promise<unknown>;
}

const witness = new Witness("/api/plaintext");

function told(operation: string, readable: ReadableStream<EncodedFrame>): ReadableStream<EncodedFrame> {
  if (operation !== "encode") return readable;
  return readable.pipeThrough(
    new TransformStream<EncodedFrame, EncodedFrame>({
      transform(frame, controller) {
        witness.note(frame);
        controller.enqueue(frame);
      },
    }),
  );
}

let ours: ((event: { transformer: object }) => void) | null = null;
addEventListener("rtctransform", (event) => {
  const transformer = (event as unknown as { transformer: Transformer }).transformer;
  const { options, writable } = transformer;
  ours?.({
    transformer: {
      options,
      writable,
      readable: told(options.operation, transformer.readable),
      sendKeyFrameRequest: () => transformer.sendKeyFrameRequest?.(),
      generateKeyFrame: () => transformer.generateKeyFrame?.(),
    },
  });
});
Object.defineProperty(self, "onrtctransform", { set: (handler: typeof ours) => (ours = handler) });

type Message = { readonly operation: string; readonly readableStream?: ReadableStream<EncodedFrame> };
let hears: ((event: { data: object }) => void) | null = null;
addEventListener("message", ({ data }: MessageEvent<Message>) => {
  const { operation, readableStream } = data;
  hears?.({ data: readableStream === undefined ? data : { ...data, readableStream: told(operation, readableStream) } });
});
Object.defineProperty(self, "onmessage", { set: (handler: typeof hears) => (hears = handler) });

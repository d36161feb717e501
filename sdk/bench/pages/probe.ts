/**
 * Loaded first in a worker, before the product's or the peer's own code, which it does not change: takes the time
 * of every frame between the moment when JavaScript gets it and the moment when JavaScript hands it on. Those are
 * `read()` and `write()` of a loop, or the call of a transformer and its `enqueue()`.
 */
import type { ProbeOrder, ProbeSamples } from "./call.ts";

let samples: ProbeSamples = { audio: [], video: [] };
const seen = new WeakMap<object, number>();

function got(frame: object): void {
  seen.set(frame, performance.now());
}

function handedOn(frame: object): void {
  const began = seen.get(frame);
  if (began === undefined) return;
  (frame instanceof RTCEncodedAudioFrame ? samples.audio : samples.video).push(performance.now() - began);
}

const { read } = ReadableStreamDefaultReader.prototype;
ReadableStreamDefaultReader.prototype.read = function (this: ReadableStreamDefaultReader) {
  return read.call(this).then((next) => {
    if (next.value !== undefined) got(next.value as object);
    return next;
  });
};

const { write } = WritableStreamDefaultWriter.prototype;
WritableStreamDefaultWriter.prototype.write = function (this: WritableStreamDefaultWriter, frame?: unknown) {
  handedOn(frame as object);
  return write.call(this, frame);
};

const Native = self.TransformStream;
self.TransformStream = class extends Native {
  constructor(transformer: Transformer = {}, ...rest: (QueuingStrategy | undefined)[]) {
    const { transform } = transformer;
    if (transform === undefined) super(transformer, ...rest);
    else super({ ...transformer, transform: timed(transform) }, ...rest);
  }
};

function timed(transform: TransformerTransformCallback<unknown, unknown>): TransformerTransformCallback<unknown, unknown> {
  let sink: { enqueue(frame: unknown): void } | null = null;
  return (frame, controller) => {
    got(frame as object);
    sink ??= {
      enqueue(out) {
        handedOn(out as object);
        controller.enqueue(out);
      },
    };
    return transform(frame, sink as TransformStreamDefaultController);
  };
}

// The page asks through a port of its own; the worker's own code never sees it.
self.addEventListener("message", (event: MessageEvent<unknown>) => {
  const order = event.data as Partial<ProbeOrder> | null;
  if (order === null || typeof order !== "object" || order.probe === undefined) return;
  event.stopImmediatePropagation();
  order.port?.postMessage(samples);
  samples = { audio: [], video: [] };
});

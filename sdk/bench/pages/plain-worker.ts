/** Pass-through transforms: what moving frames through a worker costs without any encryption. */

interface RtcTransformer {
  readonly readable: ReadableStream<unknown>;
  readonly writable: WritableStream<unknown>;
  readonly options: { readonly how: "loop" | "transform" };
}

const scope = self as unknown as { onrtctransform: (event: { readonly transformer: RtcTransformer }) => void };

scope.onrtctransform = ({ transformer: { readable, writable, options } }) => {
  if (options.how === "transform") {
    // As in the specification's examples.
    const pass = new TransformStream({ transform: (frame, controller) => controller.enqueue(frame) });
    readable.pipeThrough(pass).pipeTo(writable).catch(() => undefined);
  } else void loop(readable.getReader(), writable.getWriter());
};

/** The leanest loop that hands each frame to JavaScript. */
async function loop(reader: ReadableStreamDefaultReader<unknown>, writer: WritableStreamDefaultWriter<unknown>): Promise<void> {
  writer.closed.catch(() => undefined);
  for (;;) {
    const next = await reader.read().catch(() => null);
    if (next === null || next.done) return;
    writer.write(next.value).catch(() => undefined);
  }
}

export {};

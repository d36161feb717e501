/**
 * For tests of a call without encryption: hands frames on as they are, and tells an SFU in test mode pieces of them,
 * as the encrypting worker does in `?witness`, so that what the SFU holds can be compared with what was sent.
 */

interface Frame {
  readonly data: ArrayBuffer;
}

interface Witness {
  note(frame: Frame): void;
}

interface Scope {
  onrtctransform: (event: { readonly transformer: { readonly readable: ReadableStream<Frame>; readonly writable: WritableStream<Frame> } }) => void;
}

// The encrypting worker's own, served beside it.
const url = new URL('./worker-witness.js', import.meta.url).href;
const witness = (import(url) as Promise<{ Witness: new (url: string) => Witness }>).then(
  ({ Witness }) => new Witness(new URL('/api/plaintext', self.location.href).href));

// Set at once: the event does not wait for what the module waits for.
(self as unknown as Scope).onrtctransform = ({ transformer }) => {
  const note = new TransformStream<Frame, Frame>({
    async transform(frame, controller) {
      (await witness).note(frame);
      controller.enqueue(frame);
    },
  });
  void transformer.readable.pipeThrough(note).pipeTo(transformer.writable).catch(() => undefined);
};

export {};

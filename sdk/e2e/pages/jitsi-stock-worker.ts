/// <reference lib="webworker" />
/** {@link Stock} in a worker, behind the messages of lib-jitsi-meet. */
import { Stock, type StockFrame } from "./jitsi-stock.ts";

type Message = {
  readonly operation: string;
  readonly participantId?: string;
  readonly key?: Uint8Array<ArrayBuffer> | false;
  readonly keyIndex?: number;
  readonly readableStream?: ReadableStream<StockFrame>;
  readonly writableStream?: WritableStream<StockFrame>;
};

const people = new Map<string, Stock>();

function person(id = ""): Stock {
  const found = people.get(id) ?? new Stock();
  people.set(id, found);
  return found;
}

function run(operation: string, id: string | undefined, readable: ReadableStream<StockFrame>, writable: WritableStream<StockFrame>): void {
  const stock = person(id);
  const transform = async (frame: StockFrame, controller: TransformStreamDefaultController<StockFrame>): Promise<void> => {
    if (await (operation === "encode" ? stock.seal(frame) : stock.open(frame))) controller.enqueue(frame);
  };
  void readable.pipeThrough(new TransformStream({ transform })).pipeTo(writable).catch(() => undefined);
}

self.onmessage = ({ data }: MessageEvent<Message>) => {
  const { operation, participantId, key, keyIndex = 0, readableStream, writableStream } = data;
  if (operation === "setKey") void person(participantId).setKey(key || null, keyIndex);
  if (readableStream !== undefined && writableStream !== undefined) run(operation, participantId, readableStream, writableStream);
};

Object.assign(self, {
  onrtctransform({ transformer }: { transformer: { options: { operation: string; participantId: string }; readable: ReadableStream<StockFrame>; writable: WritableStream<StockFrame> } }): void {
    run(transformer.options.operation, transformer.options.participantId, transformer.readable, transformer.writable);
  },
});

/** Jitsi's format: a cryptor of the same layout with WebCrypto, and the product's own track over its module. */
import { JitsiModule } from "../../src/jitsi/worker/module.ts";
import { type Frame, JitsiTrack, type Surroundings } from "../../src/jitsi/worker/track.ts";
import { Stock, type StockFrame } from "../../e2e/pages/jitsi-stock.ts";
import { pump } from "../../src/worker/media.ts";
import type { Subject } from "./subject.ts";

const KEY = new Uint8Array(32).fill(7);

/** As clients in the field do it: WebCrypto for each frame, a TransformStream in each pipe. */
export async function jitsiByWebCrypto(): Promise<Subject> {
  const made = async (): Promise<Stock> => {
    const stock = new Stock();
    await stock.setKey(KEY, 0);
    return stock;
  };
  return {
    name: "webcrypto",
    async pair() {
      const [from, to] = [await made(), await made()];
      return { seal: (frame) => from.seal(frame), open: (frame) => to.open(frame) };
    },
    async pipe(_, readable, writable) {
      const stock = await made();
      through((frame) => stock.seal(frame), readable, writable);
    },
    async receiving() {
      const [from, to] = [await made(), await made()];
      return { seal: (frame) => from.seal(frame), pipe: (readable, writable) => through((frame) => to.open(frame), readable, writable) };
    },
  };
}

function through(run: (frame: StockFrame) => Promise<boolean>, readable: ReadableStream<unknown>, writable: WritableStream<unknown>): void {
  const transform = async (frame: StockFrame, controller: TransformStreamDefaultController<StockFrame>): Promise<void> => {
    if (await run(frame)) controller.enqueue(frame);
  };
  void (readable as ReadableStream<StockFrame>).pipeThrough(new TransformStream({ transform })).pipeTo(writable);
}

/** The Jitsi worker's own track over its module, both ends with one key. */
export async function oursInJitsiFormat(): Promise<Subject> {
  const ends = { encode: new JitsiModule(), decode: new JitsiModule() };
  let people = 0;
  const track = (operation: "encode" | "decode", participantId: string): JitsiTrack => {
    const module = ends[operation];
    const person = { ring: module.person(participantId), epoch: 0 };
    module.setKey(person.ring, 0, KEY);
    const around: Surroundings = {
      module,
      rule: "seal",
      empty: false,
      external: false,
      outside: () => null,
      failed: (_, code) => {
        throw new Error(`a frame failed with code ${code}`);
      },
    };
    return new JitsiTrack(around, { operation, participantId }, person);
  };
  return {
    name: "frameseal",
    async pair() {
      const id = `ada-${++people}`;
      const [from, to] = [track("encode", id), track("decode", id)];
      return { seal: (frame) => from.process(frame as Frame), open: (frame) => to.process(frame as Frame) };
    },
    async pipe(_, readable, writable) {
      void pump(track("encode", `ada-${++people}`), readable as ReadableStream<Frame>, writable as WritableStream<Frame>);
    },
    async receiving() {
      const id = `ada-${++people}`;
      const [from, to] = [track("encode", id), track("decode", id)];
      return {
        seal: (frame) => from.process(frame as Frame),
        pipe: (readable, writable) => void pump(to, readable as ReadableStream<Frame>, writable as WritableStream<Frame>),
      };
    },
  };
}

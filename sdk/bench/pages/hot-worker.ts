/**
 * The hot loop: one cryptor and the other take turns in one worker, in rounds of some milliseconds, so that drift
 * of the machine meets both. What a round costs is divided by its frames: the clock is coarser than a frame.
 */
import { frame, type Frame, kindOf, payload, same } from "./frames.ts";
import type { HotOrder, HotResult, SizeResult, Samples } from "./hot.ts";
import { jitsiByWebCrypto, oursInJitsiFormat } from "./jitsi.ts";
import { livekit } from "./livekit.ts";
import { ours, oursInLivekitFormat } from "./ours.ts";
import type { Process, Subject } from "./subject.ts";

/**
 * What one round takes at least, milliseconds. Its first frames follow a pause, and go the way that is best then; what that
 * is worth is measured in calls.
 */
const ROUND_MS = 3;
/** Frames of one round at most: sealed ones are kept until they are opened. */
const ROUND_BYTES = 8e6;
const BURST_TRACKS = 20;
const WARM_UP_MS = 150;
/** Frames of a new pipe before the clock starts, and a pause behind them: a track imports its key on first use. */
const LOOP_WARM_UP = 8;
const LOOP_PAUSE_MS = 4;

/** A subject's tracks of one size. */
class Runner {
  readonly samples: Samples = { seal: [], open: [], burstSeal: [], burstOpen: [], loop: [], openLoop: [] };
  batch = 1;
  #pairs: { seal: Process; open: Process }[] = [];

  constructor(
    readonly subject: Subject,
    readonly bytes: number,
    readonly clear: ArrayBuffer,
  ) {}

  get kind(): "audio" | "video" {
    return kindOf(this.bytes);
  }

  async prepare(): Promise<void> {
    for (let n = 0; n < BURST_TRACKS; n++) this.#pairs.push(await this.subject.pair(this.kind));
    // Warm: code compiled, keys imported. And the size of a round.
    const began = performance.now();
    let spent = 0;
    let frames = 0;
    while (performance.now() - began < WARM_UP_MS) {
      spent += (await this.#sequence("seal", this.#fresh(8), 0)).ms;
      frames += 8;
      await this.burst();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    const most = Math.max(1, Math.floor(ROUND_BYTES / (this.bytes + 64)));
    this.batch = Math.max(1, Math.min(most, Math.ceil(ROUND_MS / (spent / frames)), 400));
    this.samples.burstSeal.length = this.samples.burstOpen.length = 0;
    const [sealed] = this.#fresh(1) as [Frame];
    await this.#pairs[0]?.seal(sealed);
    if (sealed.data.byteLength <= this.bytes) throw new Error(`${this.subject.name} did not seal`);
  }

  /** Seals a round of frames one after the other, and opens them. */
  async sequence(): Promise<void> {
    const frames = this.#fresh(this.batch);
    this.samples.seal.push((1000 * (await this.#sequence("seal", frames, 0)).ms) / this.batch);
    const copies = frames.map((sealed) => frame(this.kind, sealed.data));
    this.samples.open.push((1000 * (await this.#sequence("open", copies, 0)).ms) / this.batch);
    const [first] = copies as [Frame];
    if (!same(first.data, this.clear)) throw new Error(`${this.subject.name} did not give back what was sealed`);
  }

  async #sequence(what: "seal" | "open", frames: Frame[], track: number): Promise<{ ms: number }> {
    const run = (this.#pairs[track] as { seal: Process; open: Process })[what];
    const before = frames.map(({ data }) => data);
    const began = performance.now();
    for (const one of frames) {
      const verdict = run(one);
      if (typeof verdict !== "boolean") await verdict;
    }
    const ms = performance.now() - began;
    this.#check(what, frames, before);
    return { ms };
  }

  /** One frame of each of many tracks at once. */
  async burst(): Promise<void> {
    const frames = this.#fresh(BURST_TRACKS);
    this.samples.burstSeal.push(await this.#burst("seal", frames));
    this.samples.burstOpen.push(await this.#burst("open", frames.map((sealed) => frame(this.kind, sealed.data))));
  }

  async #burst(what: "seal" | "open", frames: Frame[]): Promise<number> {
    const before = frames.map(({ data }) => data);
    const began = performance.now();
    const late: Promise<unknown>[] = [];
    for (const [n, one] of frames.entries()) {
      const verdict = this.#pairs[n]?.[what](one);
      if (typeof verdict === "object") late.push(verdict);
    }
    if (late.length > 0) await Promise.all(late);
    const ms = performance.now() - began;
    this.#check(what, frames, before);
    return (1000 * ms) / BURST_TRACKS;
  }

  /** The whole loop of a track, streams included: a round of frames from source to sink, sealed and where that is measured opened. */
  async loop(): Promise<void> {
    const { subject, kind } = this;
    const fresh = this.#fresh(LOOP_WARM_UP + Math.max(this.batch, 20));
    this.samples.loop.push(await this.#loop("seal", fresh, (from, to) => subject.pipe(kind, from, to)));
    const receiving = await subject.receiving?.(kind);
    if (receiving === undefined) return;
    const frames = this.#fresh(fresh.length);
    for (const one of frames) await receiving.seal(one);
    const sealed = frames.map(({ data }) => frame(kind, data));
    this.samples.openLoop.push(await this.#loop("open", sealed, async (from, to) => receiving.pipe(from, to)));
  }

  async #loop(what: string, frames: Frame[], start: (readable: ReadableStream<Frame>, writable: WritableStream<Frame>) => Promise<void>): Promise<number> {
    const before = frames.map(({ data }) => data);
    let next = 0;
    let out = 0;
    let finish: (ms: number) => void = () => undefined;
    const finished = new Promise<number>((resolve) => (finish = resolve));
    let began = 0;
    const readable = new ReadableStream<Frame>(
      {
        async pull(controller) {
          if (next === LOOP_WARM_UP) {
            await new Promise((resolve) => setTimeout(resolve, LOOP_PAUSE_MS));
            began = performance.now();
          }
          const one = frames[next++];
          if (one !== undefined) controller.enqueue(one);
        },
      },
      { highWaterMark: 0 },
    );
    const writable = new WritableStream<Frame>({
      write() {
        if (++out === frames.length) finish(performance.now() - began);
      },
    });
    await start(readable, writable);
    const ms = await finished;
    this.#check(what, frames, before);
    return (1000 * ms) / (frames.length - LOOP_WARM_UP);
  }

  #fresh(count: number): Frame[] {
    return Array.from({ length: count }, () => frame(this.kind, this.clear));
  }

  #check(what: string, frames: Frame[], before: ArrayBuffer[]): void {
    const failed = frames.findIndex(({ data }, at) => data === before[at]);
    if (failed >= 0) throw new Error(`${this.subject.name} could not ${what} frame ${failed} of ${this.bytes} bytes`);
  }
}

async function measure(subjects: Subject[], bytes: number, order: HotOrder): Promise<SizeResult> {
  const clear = payload(bytes);
  const runners = subjects.map((subject) => new Runner(subject, bytes, clear));
  for (const runner of runners) await runner.prepare();
  // Where both sides hop to WebCrypto, the first hop of a round weighs as much as its frames are few.
  if (order.format === "jitsi") for (const runner of runners) runner.batch = Math.max(...runners.map(({ batch }) => batch));
  for (let round = 0; round < order.rounds; round++) {
    const turn = round % 2 === 0 ? runners : [...runners].reverse();
    for (const runner of turn) await runner.sequence();
    for (const runner of turn) await runner.burst();
    if (round % 10 === 0) for (const runner of turn) await runner.loop();
    // Lets go of what a round kept, outside the measured time.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return {
    bytes,
    kind: kindOf(bytes),
    frames: runners.map(({ batch }) => batch),
    subjects: runners.map(({ subject, samples }) => ({ name: subject.name, samples })),
  };
}

const say = self.postMessage.bind(self) as (message: HotResult) => void;

self.onmessage = async ({ data: order }: MessageEvent<HotOrder>) => {
  try {
    const subjects =
      order.format === "jitsi"
        ? [await jitsiByWebCrypto(), await oursInJitsiFormat()]
        : [await livekit(order.livekit), await (order.format === "livekit" ? oursInLivekitFormat() : ours())];
    for (const bytes of order.sizes) say({ size: await measure(subjects, bytes, order) });
    say({ end: true });
  } catch (error) {
    say({ error: error instanceof Error ? `${error.message}\n${error.stack ?? ""}` : String(error) });
  }
};

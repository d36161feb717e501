/** The call's part: modes take turns, each in a few calls; tables and bars. */
import type { TestPage } from "../e2e/browsers.ts";
import { bar, type Bar, percentile, ratio, short, table } from "./figures.ts";
import type { CallResult, Mode } from "./pages/call.ts";
import { between, processorTime } from "./threads.ts";
import type {} from "./pages/page.ts";

export const MODES: readonly Mode[] = ["pass", "pass-transform", "livekit", "livekit-streams", "frameseal"];

/** One call of one mode. */
export interface CallRound extends CallResult {
  readonly mode: Mode;
  /** Percent of a core; `null` where it cannot be read. */
  readonly workerCpu: number | null;
  readonly processCpu: number | null;
}

/** Runs `rounds` calls of each mode, in turn. */
export async function calls(page: TestPage, modes: readonly Mode[], rounds: number, seconds: number, progress: (line: string) => void): Promise<CallRound[]> {
  const done: CallRound[] = [];
  for (let round = 0; round < rounds; round++) {
    const turn = round % 2 === 0 ? modes : [...modes].reverse();
    for (const mode of turn) {
      await page.evaluate((mode) => window.bench.call.begin(mode), mode);
      await page.evaluate(() => window.bench.call.open(), null);
      const before = processorTime();
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      const used = between(before, processorTime());
      const result = await page.evaluate(() => window.bench.call.close(), null);
      if (result.framesDecoded < result.seconds * 20) {
        throw new Error(`${mode}: ${result.framesDecoded} pictures in ${result.seconds.toFixed(1)} s; too few to say anything`);
      }
      const percent = (ns: number | undefined): number | null => (ns === undefined ? null : ns / 1e7 / seconds);
      done.push({ ...result, mode, workerCpu: percent(used?.workers), processCpu: percent(used?.process) });
      progress(`round ${round + 1} of ${rounds}: ${mode}, ${result.framesDecoded} pictures`);
    }
  }
  return done;
}

type Way = "send" | "receive";
type Kind = "audio" | "video";
const WAYS: readonly { way: Way; kind: Kind; of: number }[] = [
  { way: "send", kind: "audio", of: 1 / 3 },
  { way: "receive", kind: "audio", of: 1 / 3 },
  { way: "send", kind: "video", of: 1 / 2 },
  { way: "receive", kind: "video", of: 1 / 2 },
];
/** Points of a core that the workers may take above a pass-through. */
const CPU_POINTS = 0.8;

/** A percentile of each round of a mode, microseconds. */
function each(rounds: readonly CallRound[], mode: Mode, way: Way, kind: Kind, p: number): number[] {
  return rounds.filter((round) => round.mode === mode).map((round) => 1000 * percentile(round[way][kind], p));
}

function cpu(rounds: readonly CallRound[], mode: Mode, what: "workerCpu" | "processCpu"): number[] {
  return rounds.filter((round) => round.mode === mode).map((round) => round[what] ?? Number.NaN);
}

const middle = (values: readonly number[]): number => percentile(values, 0.5);

/** Time inside the transform and processor time, by mode: the middle of the rounds. */
export function callTable(rounds: readonly CallRound[], modes: readonly Mode[]): string {
  const head = ["mode", ...WAYS.flatMap(({ way, kind }) => [`${kind} ${way} p50`, "p95"]), "workers %", "process %"];
  const rows = modes.map((mode) => [
    mode,
    ...WAYS.flatMap(({ way, kind }) => [0.5, 0.95].map((p) => short(middle(each(rounds, mode, way, kind, p))))),
    short(middle(cpu(rounds, mode, "workerCpu"))),
    short(middle(cpu(rounds, mode, "processCpu"))),
  ]);
  const [first] = rounds;
  const media = `VP8 ${first?.width ?? 0}x720, ${middle(rounds.map((round) => round.videoBytes)).toFixed(0)} B a frame; Opus, ${middle(rounds.map((round) => round.audioBytes)).toFixed(0)} B a packet`;
  return `In a call: ${media}. Microseconds inside the transform, percent of a core\n${table([head, ...rows])}`;
}

/** The promises of the call. */
export function callBars(rounds: readonly CallRound[]): Bar[] {
  const times = WAYS.flatMap(({ way, kind, of }) =>
    [0.5, 0.95].map((p) => {
      // Added: what a loop that only reads and writes takes, the clock's own cost included, is not encryption's.
      const idle = each(rounds, "pass", way, kind, p);
      const added = (mode: Mode): number[] => each(rounds, mode, way, kind, p).map((time, round) => time - (idle[round] ?? 0));
      return bar(`call, time added to ${kind} ${way} p${p * 100}, of livekit-client`, ratio(added("frameseal"), added("livekit")), of);
    }),
  );
  const [ours, pass] = [cpu(rounds, "frameseal", "workerCpu"), cpu(rounds, "pass", "workerCpu")];
  const more = middle(ours.map((value, round) => value - (pass[round] ?? Number.NaN)));
  return [...times, bar("call, workers above a pass-through", more, CPU_POINTS, "points of a core")];
}

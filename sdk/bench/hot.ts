/** The hot loop's tables and bars. */
import { bar, type Bar, percentile, ratio, short, table } from "./figures.ts";
import type { Samples, SizeResult } from "./pages/hot.ts";

/** Where ours may cost at most half; nowhere may it cost more. */
const HALF_AT = 120;

type What = keyof Samples;

const TITLES: Readonly<Record<What, string>> = {
  seal: "seal, one frame after the other",
  open: "open, one frame after the other",
  burstSeal: "seal, 20 tracks at once",
  burstOpen: "open, 20 tracks at once",
  loop: "seal through the whole loop, streams of JavaScript objects included",
  openLoop: "open through the whole loop, streams included",
};

function of(size: SizeResult, what: What): { ours: number[]; theirs: number[] } {
  const [theirs, ours] = size.subjects;
  return { ours: ours?.samples[what] ?? [], theirs: theirs?.samples[what] ?? [] };
}

/** Figures of every size, by measurement. `peer`: who is measured against. */
export function hotTables(sizes: readonly SizeResult[], peer = "livekit"): string {
  return (Object.keys(TITLES) as What[])
    .filter((what) => sizes.every((size) => of(size, what).ours.length > 0))
    .map((what) => {
      const rows = sizes.map((size) => {
        const { ours, theirs } = of(size, what);
        const three = (samples: number[]): string[] => [0.1, 0.5, 0.99].map((p) => short(percentile(samples, p)));
        return [`${size.bytes} B`, ...three(ours), ...three(theirs), short(ratio(ours, theirs))];
      });
      const head = ["bytes", "frameseal p10", "p50", "p99", `${peer} p10`, "p50", "p99", "ratio"];
      return `${TITLES[what]} (us a frame)\n${table([head, ...rows])}`;
    })
    .join("\n\n");
}

/** The promises of the hot loop. */
export function hotBars(sizes: readonly SizeResult[], peer = "livekit-client"): Bar[] {
  const words = { seal: "seal", open: "open", loop: "streams included, seal", openLoop: "streams included, open" } as const;
  // Where the loop is measured both ways, it is promised as well.
  const what = (size: SizeResult): (keyof typeof words)[] => (of(size, "openLoop").ours.length > 0 ? ["seal", "open", "loop", "openLoop"] : ["seal", "open"]);
  return sizes.flatMap((size) =>
    what(size).map((what) => {
      const { ours, theirs } = of(size, what);
      return bar(`hot loop, ${words[what]} ${size.bytes} B, of ${peer}`, ratio(ours, theirs), size.bytes === HALF_AT ? 0.5 : 1);
    }),
  );
}

/** Percentiles, tables, and the bars. */

/** The value at `p` (0 to 1) of the sorted samples. */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN;
}

/** The middle of the ratios of rounds that were measured one after the other: what slows both does not count. */
export function ratio(ours: readonly number[], theirs: readonly number[]): number {
  return percentile(ours.map((value, round) => value / (theirs[round] ?? Number.NaN)), 0.5);
}

/** One promise, and whether this run kept it. */
export interface Bar {
  readonly what: string;
  readonly value: number;
  readonly most: number;
  readonly unit: string;
  readonly met: boolean;
}

export function bar(what: string, value: number, most: number, unit = "x"): Bar {
  return { what, value, most, unit, met: value <= most };
}

/** Three digits that matter. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return "-";
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** Columns aligned to the right, the first to the left. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, cell.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join("  ");
  return rows.map((row) => `  ${line(row)}`.trimEnd()).join("\n");
}

export function barLines(bars: readonly Bar[]): string {
  return table(
    bars.map(({ what, value, most, unit, met }) => [what, `${short(value)} ${unit}`, `at most ${short(most)}`, met ? "met" : "MISSED"]),
  );
}

/** Processor time of Chromium's threads, from /proc (Linux). */
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Nanoseconds since their start. */
export interface ProcessorTime {
  /** The dedicated workers. */
  readonly workers: number;
  /** Everything in the processes that have such workers. */
  readonly process: number;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // The process or thread ended meanwhile.
  }
}

/** Processes below this one. */
function descendants(): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    const id = Number(name);
    const stat = Number.isInteger(id) ? read(`/proc/${name}/stat`) : "";
    // The program's name stands in brackets and may hold anything.
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    if (stat !== "") parents.set(id, parent);
  }
  const below = (id: number): boolean => {
    const parent = parents.get(id);
    return parent !== undefined && (parent === process.pid || below(parent));
  };
  return [...parents.keys()].filter(below);
}

/** The time so far; `null` where there is no /proc. Kept thread by thread: a thread that ended is not counted. */
export function processorTime(): Map<string, { worker: boolean; ns: number }> | null {
  if (!existsSync("/proc/self/schedstat")) return null;
  const times = new Map<string, { worker: boolean; ns: number }>();
  for (const id of descendants()) {
    let threads: string[];
    try {
      threads = readdirSync(`/proc/${id}/task`);
    } catch {
      continue;
    }
    const named = threads.map((thread) => ({ thread, name: read(`/proc/${id}/task/${thread}/comm`).trim() }));
    if (!named.some(({ name }) => name.startsWith("DedicatedWorker"))) continue;
    for (const { thread, name } of named) {
      const ns = Number(read(`/proc/${id}/task/${thread}/schedstat`).split(" ")[0]);
      times.set(`${id}/${thread}`, { worker: name.startsWith("DedicatedWorker"), ns });
    }
  }
  return times;
}

/** What was used between two readings. */
export function between(before: ReturnType<typeof processorTime>, after: ReturnType<typeof processorTime>): ProcessorTime | null {
  if (before === null || after === null) return null;
  let workers = 0;
  let all = 0;
  for (const [thread, { worker, ns }] of after) {
    const used = ns - (before.get(thread)?.ns ?? 0);
    all += used;
    if (worker) workers += used;
  }
  return { workers, process: all };
}

/** Words to the console about one participant and reason: at most one in so long, and so many in all. Never a key. */
const PAUSE_MS = 10_000;
const MAX_WORDS = 20;

/** See the file's comment. */
export class Words {
  readonly #console: { warn(text: string): void };
  readonly #told = new Map<string, { at: number; count: number }>();

  constructor(console: { warn(text: string): void }) {
    this.#console = console;
  }

  warn(participantId: string, what: string): void {
    const now = performance.now();
    const name = `${what} ${participantId}`;
    const told = this.#told.get(name) ?? { at: -Infinity, count: 0 };
    if (this.#told.size < 1000) this.#told.set(name, told);
    if (now - told.at < PAUSE_MS || told.count >= MAX_WORDS) return;
    told.at = now;
    told.count++;
    this.#console.warn(`frameseal: ${what}${participantId === "" ? "" : ` (participant ${participantId})`}`);
  }
}

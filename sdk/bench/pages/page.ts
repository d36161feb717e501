/** What the runner calls in the page. */
import * as call from "./call.ts";
import { hot } from "./hot.ts";

const bench = { hot, call };

/** The page as the runner sees it. */
export type Bench = typeof bench;

declare global {
  interface Window {
    bench: Bench;
  }
}

window.bench = bench;

/** What tests call in the page: `harness.<name>(arguments)`. */
import { call } from "./call.ts";
import { identity } from "./identity.ts";
import { plain } from "./plain.ts";
import { receiving } from "./receiving.ts";
import { session } from "./session.ts";
import { sabotage, timing } from "./timing.ts";

const harness = { call, identity, plain, receiving, sabotage, session, timing };

/** The harness as tests see it from outside. */
export type Harness = typeof harness;

declare global {
  interface Window {
    harness: Harness;
  }
}

window.harness = harness;

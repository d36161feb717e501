/// <reference lib="webworker" />
/**
 * `frameseal/jitsi-worker`: takes the place of `lib-jitsi-meet.e2ee-worker.js`. One file, module and all, so that a
 * deployment swaps a static file.
 */
import { Desk, type Scope } from "./desk.ts";

new Desk(self as unknown as Scope);

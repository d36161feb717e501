/// <reference lib="webworker" />
/**
 * `frameseal/jitsi-sframe-worker`: takes the place of `lib-jitsi-meet.e2ee-worker.js` where everybody in a room has it, in
 * Frameseal's own format. One file, module and all, so that a deployment swaps a static file.
 */
import { SframeDesk, type SframeScope } from "./sframe-desk.ts";

new SframeDesk(self as unknown as SframeScope);

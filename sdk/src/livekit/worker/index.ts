/// <reference lib="webworker" />
/**
 * `frameseal/livekit-worker`: takes the place of livekit-client's own E2EE worker. One file, module and all, so that
 * the line which makes the worker is all that changes.
 */
import { Desk, type Scope } from "./desk.ts";

new Desk(self as unknown as Scope);

/// <reference lib="webworker" />
import { SessionDesk, type SessionScope } from "./desk.ts";

new SessionDesk(self as unknown as SessionScope);

/// <reference lib="webworker" />
import { Desk, type Scope } from "./main.ts";

new Desk(self as unknown as Scope);

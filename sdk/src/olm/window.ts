/**
 * One file that sets `window.Olm`, its module inside, for pages that cannot be built anew.
 *
 * It goes before or after the page's own scripts, as long as nobody has joined a conference: a libolm that was there is
 * replaced, and one that loads later does not take its place. `delete window.Olm` ends that.
 */
import module from "../../wasm/olm.wasm";
import { embed } from "./api.ts";
import Olm from "./index.ts";

embed(module);
const known = Object.getOwnPropertyDescriptor(globalThis, "Olm");
if (known?.configurable === false) {
  // libolm ran as a script of its own: its global variable can be set, and not be made another kind of property.
  (globalThis as { Olm?: unknown }).Olm = Olm;
} else {
  Object.defineProperty(globalThis, "Olm", { configurable: true, enumerable: true, get: () => Olm, set: () => undefined });
}

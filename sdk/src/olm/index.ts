/**
 * libolm's JavaScript interface, as far as lib-jitsi-meet uses it, over vodozemac: the same names, arguments, results and
 * error texts (`OLM.BAD_MESSAGE_MAC` and so on).
 *
 * ```ts
 * import Olm from "frameseal/olm";
 * await Olm.init();
 * window.Olm = Olm;
 * ```
 */
import { Account, get_backend, get_library_version, init, PRIVATE_KEY_LENGTH, SAS, Session, Utility } from "./api.ts";

/** All of it, as libolm's package exports it. */
const Olm = Object.freeze({ Account, get_backend, get_library_version, init, PRIVATE_KEY_LENGTH, SAS, Session, Utility });

export default Olm;
export { Account, get_backend, get_library_version, init, PRIVATE_KEY_LENGTH, SAS, Session, Utility };
export type { InitOptions, OlmMessage, Source } from "./api.ts";

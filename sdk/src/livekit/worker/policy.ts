/**
 * What the application decides, in the address of the worker: `livekit-worker.js?clear=receive`. The server's word about
 * a track decides nothing.
 */

/** See {@link policyOf}. */
export interface Policy {
  /** Participants for whom livekit-client switches encryption off may be heard and seen in clear. */
  readonly clearReceive: boolean;
  /** Own media goes out in clear while livekit-client has encryption switched off. */
  readonly clearSend: boolean;
  /** Constant payloads that the server makes itself pass. */
  readonly injected: boolean;
}

/** Words of `clear`: `receive`, `send`, both with a comma. `injected=drop`: not even known payloads of the server. */
export function policyOf(search: string): Policy {
  const params = new URLSearchParams(search);
  const clear = (params.get("clear") ?? "").split(",");
  return {
    clearReceive: clear.includes("receive"),
    clearSend: clear.includes("send"),
    injected: params.get("injected") !== "drop",
  };
}

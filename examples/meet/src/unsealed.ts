/** No encryption at all: what a call without end-to-end encryption hands to its server. Only for the contrast. */

import type { Sealing } from './sealing.js';

/** `witness`: tell an SFU in test mode pieces of what is sent, so that it can look for them in what it holds. */
export function unsealed(witness: boolean): Sealing {
  const worker = witness ? new Worker(new URL('./tell.worker.js', import.meta.url), { type: 'module', name: 'tell' }) : undefined;
  return {
    announcement: '',
    newPeer: () => new RTCPeerConnection(),
    addSender: (peer, track, _kind, init) => {
      const transceiver = peer.addTransceiver(track, init);
      if (worker !== undefined) transceiver.sender.transform = new RTCRtpScriptTransform(worker, {});
      return transceiver;
    },
    receive: () => undefined,
    know: async () => undefined,
    forget: () => undefined,
    rotate: async () => ({ generation: -1, announcement: '' }),
    measure: async () => [],
    keys: () => undefined,
    report: async () => ({ encrypted: false }),
    close: () => worker?.terminate(),
  };
}

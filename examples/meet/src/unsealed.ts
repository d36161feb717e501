/** No encryption at all: what a call without end-to-end encryption hands to its server. Only for the contrast. */

import type { Sealing } from './sealing.js';

export function unsealed(): Sealing {
  return {
    announcement: '',
    newPeer: () => new RTCPeerConnection(),
    addSender: (peer, track, _kind, init) => peer.addTransceiver(track, init),
    receive: () => undefined,
    know: async () => undefined,
    forget: () => undefined,
    rotate: async () => ({ generation: -1, announcement: '' }),
    measure: async () => [],
    keys: () => undefined,
    report: async () => ({ encrypted: false }),
    close: () => undefined,
  };
}

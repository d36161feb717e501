/** The encryption of a call by Frameseal. With `group.ts` the only file of this page that knows the SDK. */

import { CODE, createE2EE, E2eeError, type CipherSuite, type E2eeReport, type TrackKind as SealedKind } from 'frameseal';
import { enterGroup } from './group.js';
import { CallError, type CallOptions, type Suite, type TrackKind } from './model.js';
import { asReason } from './measure.js';
import type { Keys, Measured, Sealing, SealingEvents } from './sealing.js';

const SUITE: Record<Suite, CipherSuite> = {
  'aes-128-gcm': 'AES_128_GCM_SHA256_128',
  'aes-256-gcm': 'AES_256_GCM_SHA512_128',
  'aes-128-ctr-hmac': 'AES_128_CTR_HMAC_SHA256_80',
  'aes-256-ctr-hmac': 'AES_256_CTR_HMAC_SHA512_80',
};

const TO_SEALED: Record<TrackKind, SealedKind> = { audio: 'audio', video: 'video', screen: 'screen-video', 'screen-audio': 'screen-audio' };
const FROM_SEALED: Partial<Record<SealedKind, TrackKind>> = { audio: 'audio', video: 'video', 'screen-video': 'screen', 'screen-audio': 'screen-audio' };

export async function sealed(options: CallOptions, id: string, events: SealingEvents): Promise<Sealing> {
  const suite = SUITE[options.suite];
  const group = options.secret !== '' ? undefined : await enterGroup(options, id, suite, events).catch((error: unknown): never => {
    throw asCallError(error);
  });
  const e2ee = await createE2EE({
    call: options.room,
    participant: id,
    ...(group === undefined ? { keys: { secret: options.secret }, suite } : { session: group.session }),
    workerUrl: new URL('./frameseal.worker.js', import.meta.url),
    ...(options.witness ? { diagnostics: { plaintextUrl: new URL('/api/plaintext', location.href).href } } : {}),
  }).catch((error: unknown): never => {
    group?.close();
    throw asCallError(error);
  });
  e2ee.on('state', events.changed);
  let keys = new Map<string, Keys>();
  return {
    ...(group === undefined ? {} : {
      group,
      present: (all: readonly string[]) => group.participants(all),
      setSuite: (next: Suite) => group.setSuite(SUITE[next]),
    }),
    get announcement() {
      return group === undefined ? e2ee.announcement : IN_GROUP;
    },
    newPeer: () => e2ee.createPeerConnection(),
    addSender: (peer, track, kind, init) => e2ee.addTransceiver(peer, track, init, { kind: TO_SEALED[kind] }),
    receive: ({ receiver }, member, kind) => void e2ee.attachReceiver(receiver, member, { kind: TO_SEALED[kind] }),
    know: async (member, announcement) => (group === undefined ? e2ee.addParticipant(member, announcement) : undefined),
    forget: (member) => (group === undefined ? void e2ee.removeParticipant(member).catch(() => undefined) : group.forget(member)),
    rotate: async () => (group === undefined
      ? { generation: await e2ee.rotate(), announcement: e2ee.announcement }
      : { generation: await group.rotate(), announcement: '' }),
    measure: async () => {
      const report = await e2ee.getReport();
      keys = readKeys(report, id);
      return report.tracks.flatMap((track) => measured(track, id));
    },
    keys: (member) => keys.get(member),
    report: () => e2ee.getReport(),
    close: () => {
      e2ee.close();
      group?.close();
    },
  };
}

/** What others are told where keys come from the group: that this page seals. */
const IN_GROUP = 'group';

/** Each transceiver has both directions; the one that carries nothing is left out. */
function measured(track: E2eeReport['tracks'][number], own: string): Measured[] {
  const kind = FROM_SEALED[track.kind];
  const member = track.direction === 'send' ? own : track.participant;
  if (kind === undefined || member === null || (track.seen === 0 && track.state === 'new')) return [];
  const { state, seen, passed, dropped, codec, timing, direction, mid } = track;
  return [{
    direction, kind, mid, member, seen, passed, dropped,
    state: state === 'new' || state === 'ok' ? state : asReason(state),
    codec: codec ?? '',
    p50: timing.p50 * 1000,
    p99: timing.p99 * 1000,
  }];
}

/** The part of the report's `keys` that is shown. */
interface ReportedKeys {
  readonly sender?: { readonly generation?: number; readonly fingerprint?: string } | null;
  readonly participants?: readonly {
    readonly id?: string;
    readonly keys?: readonly { readonly generation?: number; readonly fingerprint?: string; readonly proven?: boolean }[];
  }[];
}

/** Own key and the newest proven one of each other. */
function readKeys(report: E2eeReport, own: string): Map<string, Keys> {
  const { sender, participants = [] } = (report.keys ?? {}) as ReportedKeys;
  const keys = new Map<string, Keys>();
  if (sender) keys.set(own, { generation: sender.generation ?? 0, fingerprint: grouped(sender.fingerprint) });
  for (const { id: member = '', keys: known = [] } of participants) {
    const newest = known.filter(({ proven }) => proven === true).sort((a, b) => (b.generation ?? 0) - (a.generation ?? 0))[0];
    if (newest !== undefined) keys.set(member, { generation: newest.generation ?? 0, fingerprint: grouped(newest.fingerprint) });
  }
  return keys;
}

/** Read aloud more easily in groups of four. */
function grouped(fingerprint = ''): string {
  return fingerprint.replace(/(.{4})(?=.)/g, '$1 ');
}

function asCallError(error: unknown): CallError {
  if (error instanceof CallError) return error;
  if (!(error instanceof E2eeError)) return new CallError('no-worker', String(error));
  return new CallError(error.code === CODE.Unsupported ? 'no-transform' : 'no-worker', error.message);
}

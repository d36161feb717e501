/** The group that the keys of a call come from: its members agree on them over the server's log, which learns none. */

import { createSession, logTransport, type RoomPolicy, type Session } from 'frameseal/session';
import { CallError, type CallOptions, type GroupView } from './model.js';
import type { GroupControl } from './sealing.js';

/** How long entering may take, unless somebody must let this page in, milliseconds. */
const ENTER_MS = 20_000;
/** The others seal with the new keys after a moment; what came before cannot be opened, so it need not come. */
const SETTLE_MS = 300;
/** How long fresh keys may take, milliseconds. */
const ROTATE_MS = 10_000;

export interface GroupEvents {
  changed(): void;
  /** Fresh keys, and nobody came or went. */
  rotated(epoch: number): void;
  knocks(name: string): void;
  uncompared(name: string): void;
  waiting(): void;
  ended(why: 'removed' | 'forked' | 'lost'): void;
  trouble(words: string): void;
}

/** A group that was entered. */
export interface Group extends GroupControl {
  readonly session: Session;
  rotate(): Promise<number>;
  forget(participant: string): void;
  participants(all: readonly string[]): void;
  close(): void;
}

export async function enterGroup(options: CallOptions, id: string, suite: RoomPolicy['suite'], events: GroupEvents): Promise<Group> {
  const log = new URL('/log', location.href);
  log.searchParams.set('room', options.room);
  const transport = logTransport(log);
  const session = await createSession({
    room: options.room, participant: id, name: options.name, transport, lobby: true,
    policy: { suite, admit: options.lobby ? 'members' : 'anyone' },
    workerUrl: new URL('./session-worker.js', import.meta.url),
  });
  session.on('knock', ({ key, name }) => {
    // Where anybody may enter, nobody need wait.
    const who = session.knocking.find((one) => one.key === key);
    if (session.policy?.admit === 'members') events.knocks(name);
    else if (who !== undefined) void session.admit(who);
  });
  session.on('knocking', events.changed);
  const comparison: Compared = { done: false, missing: new Set() };
  let epochs = '';
  session.on('members', events.changed);
  session.on('code', events.changed);
  session.on('emoji', events.changed);
  session.on('state', (state) => {
    events.changed();
    if (state === 'waiting') events.waiting();
    if (state === 'removed' || state === 'forked') events.ended(state);
    if (state === 'log-lost' || state === 'left-behind' || state === 'failed') events.ended('lost');
  });
  session.on('outside', events.changed);
  session.on('event', (event) => {
    if (event.what === 'trouble') events.trouble(event.error.message);
    if (event.what === 'uncompared') {
      for (const { key, name } of event.who) {
        comparison.missing.add(key);
        events.uncompared(name);
      }
      events.changed();
    }
    if (event.what !== 'keys') return;
    const who = session.members.map(({ key }) => key).sort().join();
    if (who === epochs) events.rotated(event.epoch);
    epochs = who;
  });
  await entered(session).catch((error: unknown) => {
    session.close();
    throw error;
  });
  return {
    session,
    view: () => viewGroup(session, comparison),
    remove: (key) => {
      const member = session.members.find((one) => one.key === key);
      return member === undefined ? Promise.resolve() : session.remove(member);
    },
    admit: (key, yes) => {
      const who = session.knocking.find((one) => one.key === key);
      return who === undefined ? Promise.resolve() : session.admit(who, yes ? 'unverified' : 'refused');
    },
    setSuite: (next) => session.setPolicy({ suite: next as RoomPolicy['suite'] }),
    compare: () => session.compare(),
    same: async () => {
      comparison.missing.clear();
      // Whoever came while the people read their digits is told of once more.
      await session.same();
      comparison.done = true;
      events.changed();
    },
    report: () => session.report(),
    rotate: async () => {
      const before = session.epoch;
      await session.rotate();
      await happens(() => session.epoch > before, ROTATE_MS, 'fresh keys did not come');
      return session.epoch;
    },
    forget: (participant) => transport.gone(participant),
    participants: (all) => transport.participants(all),
    close: () => void session.leave(),
  };
}

async function entered(session: Session): Promise<void> {
  await happens(() => !['connecting', 'joining'].includes(session.state), ENTER_MS, 'the group could not be entered: the server’s log does not answer');
  await happens(() => session.state !== 'waiting', 24 * 3600_000, 'nobody let this page in');
  if (session.state !== 'joined') throw new CallError('refused', `the group: ${session.state}`);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}

async function happens(what: () => boolean, ms: number, words: string): Promise<void> {
  const until = performance.now() + ms;
  while (!what()) {
    if (performance.now() > until) throw new CallError('server-unreachable', words);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What the people here made sure of: whether they compared, and who came since, by key. */
interface Compared {
  done: boolean;
  readonly missing: Set<string>;
}

function viewGroup(session: Session, { done, missing }: Compared): GroupView {
  return {
    state: session.state,
    code: session.code,
    // A copy, as of those outside.
    emoji: session.emoji.map(({ symbol, en, fr }) => ({ symbol, en, fr })),
    epoch: session.epoch,
    compared: done && !session.members.some(({ key }) => missing.has(key)),
    members: session.members.map(({ participant, name, key, trust, heard, self }) => ({ id: participant, name, key, trust, heard, self, uncompared: missing.has(key) })),
    knocking: session.knocking.map(({ key, name }) => ({ key, name })),
    // A copy: what is told twice, some browser drivers lose.
    outside: [...session.outside],
  };
}

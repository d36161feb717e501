/** One call: signalling, the two peer connections, the encryption, and the view of it all. */

import type { CallEvents } from './app.js';
import type { EyeFrame } from './eye.js';
import { browserCounts, type BrowserCounts } from './measure.js';
import { viewMembers } from './members.js';
import {
  CallError, type CallControl, type CallOptions, type CallView, type Lock, type MemberView, type Phase, type Rejoin,
  type TrackKind,
} from './model.js';
import { Publisher, Subscriber } from './peers.js';
import type { Measured, Sealing, SealingEvents } from './sealing.js';
import { Signalling, type Member, type ServerMessage } from './signalling.js';
import { Sound } from './sound.js';
import { openScreen, type Source } from './sources.js';

/** Makes the encryption of one session. */
export type MakeSealing = (options: CallOptions, id: string, events: SealingEvents) => Promise<Sealing>;

const REFRESH_MS = 500;
const FIRST_FRAME_POLL_MS = 40;
const WELCOME_TIMEOUT_MS = 10_000;
const RETRY_MS = [500, 1000, 2000, 4000, 8000, 8000, 8000];

/** Everything that a rejoin throws away. */
interface Session {
  readonly id: string;
  readonly signalling: Signalling;
  readonly sealing: Sealing;
  readonly publisher: Publisher;
  readonly subscriber: Subscriber;
  readonly members: Map<string, Member>;
  /** When the wait for a picture began: at the join, or with the first other if nobody was there. */
  waitsSince: number;
  firstFrameMs: number;
}

export class Call implements CallControl {
  #options: CallOptions;
  #session: Session | undefined;
  #phase: Phase = 'joining';
  #view: CallView;
  #micOn = true;
  #cameraOn = true;
  #screen: { video: MediaStreamTrack; audio: MediaStreamTrack | null; stop(): void } | undefined;
  #watched: { member: string; kind: TrackKind } | null = null;
  #locks = new Map<string, Lock>();
  #generation = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #refreshing: Promise<void> | undefined;
  readonly #sound: Sound;

  private constructor(options: CallOptions, private readonly source: Source, private readonly makeSealing: MakeSealing, private readonly events: CallEvents) {
    this.#options = options;
    this.#sound = new Sound((release) => events.soundHeld(release));
    this.#view = this.#build([], new Map(), new Map());
  }

  /** Joins; throws a {@link CallError} that says in which respect it did not work. */
  static async start(options: CallOptions, source: Source, events: CallEvents, makeSealing: MakeSealing): Promise<Call> {
    const call = new Call(options, source, makeSealing, events);
    await call.#join(true);
    call.#timer = setInterval(() => void call.#refresh(), REFRESH_MS);
    return call;
  }

  get view(): CallView {
    return this.#view;
  }

  setMic(on: boolean): void {
    this.#micOn = on;
    if (this.source.audio !== null) this.source.audio.enabled = on;
    this.#sayMuted('audio', !on);
    void this.#refresh();
  }

  /** Off stops the frames themselves, and the camera with them: its light goes out. */
  setCamera(on: boolean): void {
    this.#cameraOn = on;
    void this.#switchCamera(on).catch(() => this.events.notice({ kind: 'problem', problem: 'camera-busy' }));
  }

  async setSharing(on: boolean): Promise<void> {
    if (on === (this.#screen !== undefined)) return;
    if (on) {
      this.#screen = await openScreen();
      this.#screen.video.addEventListener('ended', () => void this.setSharing(false));
      this.#publishScreen();
    } else {
      this.#screen?.stop();
      this.#screen = undefined;
      this.#session?.publisher.remove('screen');
      this.#session?.publisher.remove('screen-audio');
    }
    await this.#refresh();
  }

  async rotate(): Promise<void> {
    const session = this.#session;
    if (session === undefined) return;
    const { generation, announcement } = await session.sealing.rotate();
    if (announcement !== '') session.signalling.send({ t: 'announce', announcement });
    if (session.sealing.group === undefined) this.#rotated(generation);
    await this.#refresh();
  }

  async remove(key: string): Promise<void> {
    await this.#session?.sealing.group?.remove(key);
    await this.#refresh();
  }

  /** Each member of the group that goes by this id. */
  async removeParticipant(id: string): Promise<void> {
    const members = this.#session?.sealing.group?.view().members ?? [];
    for (const member of members) if (member.id === id) await this.remove(member.key);
  }

  async compare(): Promise<void> {
    await this.#session?.sealing.group?.compare();
  }

  async same(): Promise<void> {
    await this.#session?.sealing.group?.same();
  }

  async admit(key: string, yes: boolean): Promise<void> {
    await this.#session?.sealing.group?.admit(key, yes);
    await this.#refresh();
  }

  #ended(id: string, why: 'removed' | 'forked' | 'lost'): void {
    if (this.#session?.id !== id) return;
    if (why === 'lost') return this.#lost(id);
    this.leave();
    this.events.ended(why);
  }

  #rotated(generation: number): void {
    this.#generation = generation;
    this.events.notice({ kind: 'rotated', generation });
  }

  async rejoin(change: Rejoin): Promise<void> {
    const { suite } = this.#options;
    this.#options = { ...this.#options, ...change };
    const sealing = this.#session?.sealing;
    if (change.suite !== undefined && change.suite !== suite && sealing?.setSuite !== undefined) {
      // All members change it together; nobody need leave.
      await sealing.setSuite(change.suite);
      if (change.codec === undefined && change.encrypted === undefined) return this.#refresh();
    }
    this.#leaveSession();
    try {
      await this.#join(false);
    } catch (error) {
      this.#lost('');
      throw error;
    }
  }

  watch(of: { readonly member: string; readonly kind: TrackKind } | null): void {
    this.#watched = of;
    this.#sendWatch();
  }

  async report(): Promise<unknown> {
    const session = this.#session;
    // Figures that are being collected already may be old by now.
    await this.#refreshing;
    await this.#refresh();
    const { phase, room, encrypted, codec, suite, firstFrameMs, members } = this.#view;
    return {
      page: { phase, room, encrypted, codec, suite, firstFrameMs, id: session?.id },
      members: members.map(({ id, name, self, lock, reason, tracks }) => ({ id, name, self, lock, reason, tracks })),
      connections: { pub: session?.publisher.peer.connectionState, sub: session?.subscriber.peer.connectionState },
      frameseal: await session?.sealing.report(),
      session: await session?.sealing.group?.report(),
      group: session?.sealing.group?.view(),
    };
  }

  async hush(): Promise<void> {
    const publisher = this.#session?.publisher;
    await Promise.all((publisher?.kinds ?? []).map((kind) => publisher?.replace(kind, null)));
  }

  leave(): void {
    clearInterval(this.#timer);
    this.#leaveSession();
    this.#screen?.stop();
    this.#screen = undefined;
    this.#sound.close();
    this.#setPhase('left');
  }

  async #join(first: boolean): Promise<void> {
    const id = newId();
    const waitsSince = performance.now();
    const sealing = await this.makeSealing(this.#options, id, {
      changed: () => void this.#refresh(),
      rotated: (generation) => this.#rotated(generation),
      knocks: (name) => this.events.notice({ kind: 'knocks', name }),
      uncompared: (name) => this.events.notice({ kind: 'uncompared', name }),
      waiting: () => this.events.notice({ kind: 'waiting' }),
      ended: (why) => this.#ended(id, why),
      trouble: (words) => console.warn('key agreement:', words),
    });
    let welcomed: (message: Extract<ServerMessage, { t: 'welcome' }>) => void = () => undefined;
    let refused: (error: CallError) => void = () => undefined;
    const welcome = new Promise<Extract<ServerMessage, { t: 'welcome' }>>((resolve, reject) => {
      welcomed = resolve;
      refused = reject;
      setTimeout(() => reject(new CallError('server-unreachable')), WELCOME_TIMEOUT_MS);
    });
    // Awaited below, unless the socket fails first.
    welcome.catch(() => undefined);
    const signalling = new Signalling(socketUrl(), {
      message: (message) => {
        if (message.t === 'welcome') welcomed(message);
        else if (message.t === 'error') refused(problemOf(message.code, message.message));
        if (message.t !== 'welcome') this.#received(id, message);
      },
      eye: (frame: EyeFrame) => this.events.eye(frame),
      lost: () => {
        refused(new CallError('server-gone'));
        this.#lost(id);
      },
    });
    const send = signalling.send.bind(signalling);
    const session: Session = {
      id, signalling, sealing,
      publisher: new Publisher(sealing, this.#options, send),
      subscriber: new Subscriber(sealing, send, () => void this.#refresh()),
      members: new Map(), waitsSince, firstFrameMs: -1,
    };
    // From here on: the server's offer may follow its welcome at once.
    this.#session = session;
    try {
      await signalling.open();
      const { room, name, encrypted } = this.#options;
      signalling.send({ t: 'join', room, id, name, announcement: sealing.announcement, caps: { e2ee: encrypted } });
      const { members } = await welcome;
      if (first && members.some((member) => member.name.trim() === name)) throw new CallError('name-taken');
      await Promise.all(members.map((member) => this.#know(session, member)));
      this.#tellPresent(session);
    } catch (error) {
      this.#leaveSession();
      throw error;
    }
    this.#generation = 0;
    if (this.source.audio !== null) session.publisher.add('audio', this.source.audio);
    if (this.source.video !== null && this.#cameraOn) session.publisher.add('video', this.source.video);
    if (this.#screen !== undefined) this.#publishScreen();
    this.#setPhase('joined');
    await this.#refresh();
    void this.#timeFirstFrame(session);
  }

  #received(id: string, message: ServerMessage): void {
    const session = this.#session;
    if (session === undefined || session.id !== id) return;
    switch (message.t) {
      case 'answer':
        void session.publisher.answered(message.sdp).then(() => this.#sayAllMuted());
        break;
      case 'offer':
        session.subscriber.offered(message.sdp, message.tracks);
        break;
      case 'member': {
        const known = session.members.has(message.id);
        if (session.members.size === 0) session.waitsSince = performance.now();
        void this.#know(session, message).then(() => this.#refresh());
        this.#tellPresent(session);
        if (!known) this.events.notice({ kind: 'joined', name: message.name });
        break;
      }
      case 'left': {
        const gone = session.members.get(message.id);
        session.members.delete(message.id);
        session.sealing.forget(message.id);
        this.#tellPresent(session);
        if (gone !== undefined) this.events.notice({ kind: 'left', name: gone.name });
        void this.#refresh();
        break;
      }
      case 'error':
        if (message.code === 'transport-lost') this.#lost(id);
        else this.events.notice({ kind: 'problem', problem: problemOf(message.code, message.message).problem, detail: message.message });
        break;
      case 'app':
      case 'eye':
      case 'welcome':
        break;
    }
  }

  #tellPresent({ id, sealing, members }: Session): void {
    sealing.present?.([id, ...members.keys()]);
  }

  async #know(session: Session, member: Member): Promise<void> {
    const before = session.members.get(member.id);
    session.members.set(member.id, member);
    if (member.announcement === '' || before?.announcement === member.announcement) return;
    try {
      await session.sealing.know(member.id, member.announcement);
    } catch (error) {
      // Their frames stay closed and the tile says so; the others go on.
      console.warn(`the announcement of ${member.id} was refused:`, error);
    }
  }

  async #switchCamera(on: boolean): Promise<void> {
    const publisher = this.#session?.publisher;
    if (on) await this.source.resumeVideo();
    if (publisher?.mid('video') === undefined && on && this.source.video !== null) publisher?.add('video', this.source.video);
    else await publisher?.replace('video', on ? this.source.video : null);
    if (!on) this.source.pauseVideo();
    this.#sayMuted('video', !on);
    await this.#refresh();
  }

  #publishScreen(): void {
    if (this.#screen === undefined) return;
    this.#session?.publisher.add('screen', this.#screen.video);
    if (this.#screen.audio !== null) this.#session?.publisher.add('screen-audio', this.#screen.audio);
  }

  #sayMuted(kind: TrackKind, muted: boolean): void {
    const mid = this.#session?.publisher.mid(kind);
    if (mid !== undefined) this.#session?.signalling.send({ t: 'mute', mid, muted });
  }

  #sayAllMuted(): void {
    if (!this.#micOn) this.#sayMuted('audio', true);
    if (!this.#cameraOn) this.#sayMuted('video', true);
    this.#sendWatch();
  }

  /** The server knows a track by the sender's own m-line. */
  #sendWatch(): void {
    const session = this.#session;
    if (session === undefined) return;
    const of = this.#watched;
    if (of === null) return session.signalling.send({ t: 'eye', of: null });
    const own = of.member === session.id;
    const mid = own ? session.publisher.mid(of.kind) : session.members.get(of.member)?.tracks.find((track) => track.kind === of.kind)?.mid;
    if (mid !== undefined) session.signalling.send({ t: 'eye', of: of.member, mid });
  }

  /** The socket or a transport is gone: join anew, with growing pauses, and say so. */
  #lost(id: string): void {
    if (this.#phase !== 'joined' || (id !== '' && this.#session?.id !== id)) return;
    this.#setPhase('lost');
    this.events.notice({ kind: 'problem', problem: 'server-gone' });
    this.#leaveSession();
    void this.#retry();
  }

  async #retry(): Promise<void> {
    for (const pause of RETRY_MS) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      if (this.#phase !== 'lost') return;
      try {
        return await this.#join(false);
      } catch {
        // The next pause is longer.
      }
    }
    this.leave();
    this.events.ended('stopped');
  }

  #leaveSession(): void {
    if (this.#session !== undefined) this.#drop(this.#session);
    this.#session = undefined;
  }

  #drop(session: Session): void {
    session.signalling.close();
    session.publisher.close();
    session.subscriber.close();
    session.sealing.close();
  }

  #setPhase(phase: Phase): void {
    this.#phase = phase;
    this.#view = { ...this.#view, phase };
    this.events.changed(this.#view);
  }

  /** Join to the first picture of somebody else, as the browser counts decoded frames. */
  async #timeFirstFrame(session: Session): Promise<void> {
    while (this.#session === session && session.firstFrameMs < 0) {
      const counts = await browserCounts(session.subscriber.peer);
      const seen = session.subscriber.received.some(({ kind, mid }) => kind === 'video' && (counts.get(mid)?.decoded ?? 0) > 0);
      if (seen) session.firstFrameMs = Math.round(performance.now() - session.waitsSince);
      else await new Promise((resolve) => setTimeout(resolve, FIRST_FRAME_POLL_MS));
    }
  }

  /** One at a time; who asks meanwhile waits for the one under way. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#collect().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #collect(): Promise<void> {
    const session = this.#session;
    if (session === undefined) return;
    try {
      const [measured, sent, received] = await Promise.all([
        session.sealing.measure(), browserCounts(session.publisher.peer), browserCounts(session.subscriber.peer)]);
      if (this.#session !== session) return;
      this.#view = this.#build(measured, sent, received);
      this.#sound.play(this.#view.members.flatMap((member) => member.sound));
      this.#tellLocks(this.#view.members);
      this.events.changed(this.#view);
    } catch (error) {
      if (this.#session === session) console.warn('no figures this time:', error);
    }
  }

  #build(measured: readonly Measured[], sent: ReadonlyMap<string, BrowserCounts>, received: ReadonlyMap<string, BrowserCounts>): CallView {
    const session = this.#session;
    const { room, encrypted, codec, suite } = this.#options;
    const members = session === undefined ? [] : viewMembers({
      id: session.id, name: this.#options.name, encrypted, measured, sent, received,
      publisher: session.publisher, subscriber: session.subscriber, sealing: session.sealing, members: session.members,
      micOn: this.#micOn && this.source.audio !== null, cameraOn: this.#cameraOn && this.source.video !== null,
      camera: this.source.video, screen: this.#screen?.video ?? null,
    });
    return {
      phase: this.#phase, room, members, encrypted, codec, suite, generation: session?.sealing.group?.view().epoch ?? this.#generation, group: session?.sealing.group?.view(), source: this.source.kind,
      sharing: this.#screen !== undefined, firstFrameMs: session?.firstFrameMs ?? -1,
    };
  }

  /** Edges only: a state that stays is not told again. */
  #tellLocks(members: readonly MemberView[]): void {
    for (const { id, name, lock, reason, self } of members) {
      const before = this.#locks.get(id) ?? 'waiting';
      this.#locks.set(id, lock);
      if (self || !this.#options.encrypted || lock === before || lock === 'waiting') continue;
      if (lock === 'sealed' && before === 'waiting') continue;
      this.events.notice({ kind: 'lock', name, lock, ...(reason === undefined ? {} : { reason }) });
    }
  }
}

function problemOf(code: string, message: string): CallError {
  if (code === 'id-taken') return new CallError('id-taken', message);
  if (code === 'room-full' || code === 'server-full') return new CallError('room-full', message);
  return new CallError('refused', message);
}

function socketUrl(): string {
  const url = new URL('/ws', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.hash = '';
  return url.href;
}

/** New for each session: with it the keys are new, so that a restart never repeats key and counter. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(9));
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_');
}

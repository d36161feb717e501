/** The page: lobby, call, and what lies after it. Owns the elements; the call owns the media. */

import { sendable } from './codecs.js';
import { setLanguage, t, type Language } from './i18n.js';
import { CallError, type CallControl, type CallOptions, type CallView, type Notice, type Problem } from './model.js';
import type { EyeFrame } from './eye.js';
import { invitation, type RoomAddress } from './room.js';
import { openSource, type Source } from './sources.js';
import { CallScreen } from './ui/call.js';
import { h } from './ui/dom.js';
import { Header } from './ui/header.js';
import { Lobby, type LobbyChoice } from './ui/lobby.js';
import { Notices } from './ui/notices.js';
import type { Visit } from './visit.js';

export interface CallEvents {
  changed(view: CallView): void;
  notice(notice: Notice): void;
  eye(frame: EyeFrame): void;
  /** The browser waits for a click before it plays sound. */
  soundHeld(release: () => void): void;
  /** The call ended without anybody leaving it. */
  ended(problem: Problem): void;
}

export type StartCall = (options: CallOptions, source: Source, events: CallEvents) => Promise<CallControl>;

export class App {
  readonly #notices = new Notices();
  readonly #able = sendable();
  #header: Header;
  #lobby: Lobby | undefined;
  #screen: CallScreen | undefined;
  #call: CallControl | undefined;
  #source: Source | undefined;
  #choice: LobbyChoice;
  #opening = 0;
  #problem = '';
  /** Gets each picture that the server's eye made, with the member's id. */
  onEyePicture: ((frame: VideoFrame, of: string) => void) | undefined;

  constructor(private readonly address: RoomAddress, private readonly visit: Visit, private readonly start: StartCall) {
    this.#header = this.#newHeader();
    this.#choice = {
      name: visit.name || recall('name'),
      room: address.room,
      source: visit.source ?? (recall('source') === 'camera' ? 'camera' : 'synthetic'),
      codec: this.#able.has(visit.codec) ? visit.codec : ([...this.#able][0] ?? visit.codec),
      suite: visit.suite,
    };
  }

  async open(): Promise<void> {
    this.#showLobby(this.address.damaged ? 'bad-secret' : missing());
    if (this.visit.join && this.#choice.name !== '' && !this.address.damaged) await this.#join(this.#choice);
    else await this.#preview(this.#choice.source, this.#choice.name);
  }

  get call(): CallControl | undefined {
    return this.#call;
  }

  get screen(): CallScreen | undefined {
    return this.#screen;
  }

  /** The last problem that the page told, as `code: detail`. */
  get problem(): string {
    return this.#problem;
  }

  #newHeader(): Header {
    return new Header({
      copy: () => this.#copy(),
      language: (next) => this.#language(next),
      theme: () => {
        const dark = getComputedStyle(document.documentElement).colorScheme === 'dark'
          || (document.documentElement.dataset['theme'] === undefined && matchMedia('(prefers-color-scheme: dark)').matches);
        document.documentElement.dataset['theme'] = dark ? 'light' : 'dark';
        remember('theme', dark ? 'light' : 'dark');
      },
    });
  }

  #frame(...parts: Element[]): void {
    document.title = this.#call === undefined ? t('app.name') : `${this.#choice.room} · ${t('app.name')}`;
    document.body.replaceChildren(h('a', { class: 'skip', href: '#main' }, t('skip')), this.#header.element, ...parts, this.#notices.element);
  }

  #showLobby(problem: Problem | null): void {
    this.#lobby = new Lobby({
      choice: this.#choice,
      codecs: this.#able,
      roomFixed: this.address.invited,
      preview: (source, name) => void this.#preview(source, name),
      join: (choice) => void this.#join(choice),
    });
    this.#header.update(undefined);
    this.#frame(this.#lobby.element);
    this.#lobby.problem(problem);
    if (problem === 'bad-secret') this.#lobby.busy(true);
  }

  async #preview(kind: 'camera' | 'synthetic', name: string): Promise<Source | undefined> {
    const turn = ++this.#opening;
    const shown = name === '' ? t('lobby.guest') : name;
    const source = await openSource(kind, shown, this.visit);
    if (turn !== this.#opening) {
      source.stop();
      return undefined;
    }
    this.#source?.stop();
    this.#source = source;
    this.#lobby?.show(source.video);
    if (source.problem !== undefined) this.#lobby?.problem(source.problem);
    return source;
  }

  async #join(choice: LobbyChoice): Promise<void> {
    this.#choice = choice;
    remember('name', choice.name);
    remember('source', choice.source);
    this.#lobby?.problem(null);
    this.#lobby?.busy(true);
    history.replaceState(null, '', this.#link(true));
    const source = await this.#preview(choice.source, choice.name);
    if (source === undefined) return;
    try {
      const { width, height, fps, simulcast, svc, encrypted, witness, lobby } = this.visit;
      this.#call = await this.start(
        { ...choice, secret: this.address.secret, encrypted, width, height, fps, simulcast, svc, witness, lobby }, source, this.#events());
    } catch (error) {
      this.#call = undefined;
      this.#lobby?.busy(false);
      const problem = error instanceof CallError ? error : new CallError('refused', String(error));
      this.#problem = `${problem.problem}: ${problem.message}`;
      this.#lobby?.problem(problem.problem, problem.message);
      return;
    }
    if (source.problem !== undefined) this.#notices.show({ kind: 'problem', problem: source.problem });
    this.#lobby = undefined;
    this.#showCall(this.visit.eye);
  }

  #events(): CallEvents {
    return {
      changed: (view) => {
        if (view.phase === 'left') return;
        this.#header.update(view);
        this.#screen?.update(view);
      },
      notice: (notice) => {
        if (notice.kind === 'problem') this.#problem = `${notice.problem}: ${notice.detail ?? ''}`;
        this.#notices.show(notice);
      },
      eye: (frame) => this.#screen?.eye(frame),
      ended: (problem) => {
        this.#left();
        this.#notices.show({ kind: 'problem', problem });
      },
      soundHeld: (release) => this.#notices.say(t('notice.sound'), 'calm', { label: t('notice.sound.fix'), run: release }),
    };
  }

  #showCall(eye: boolean): void {
    const call = this.#call;
    if (call === undefined) return;
    this.#screen = new CallScreen(call, {
      able: this.#able,
      eye,
      eyePicture: (frame, of) => this.onEyePicture?.(frame, of),
      say: (words) => this.#notices.say(words),
      problem: (error) => this.#notices.show({ kind: 'problem', problem: error.problem, detail: error.message }),
      left: () => this.#left(),
    });
    this.#frame(this.#screen.element);
    this.#header.update(call.view);
    this.#screen.update(call.view);
  }

  #left(): void {
    this.#screen?.close();
    this.#screen = undefined;
    this.#call = undefined;
    this.#source?.stop();
    this.#source = undefined;
    this.#header.update(undefined);
    const again = h('button', { type: 'button', class: 'primary', onclick: () => {
      this.#showLobby(null);
      void this.#preview(this.#choice.source, this.#choice.name);
    } }, t('call.rejoin'));
    this.#frame(h('main', { class: 'ended', id: 'main' }, h('h1', {}, t('call.ended')), h('p', { class: 'lead' }, t('call.ended.lead')), again));
    again.focus();
  }

  #language(next: Language): void {
    setLanguage(next);
    remember('language', next);
    this.#header = this.#newHeader();
    if (this.#screen !== undefined) {
      const eye = this.#screen.eyeOpen;
      this.#screen.close();
      this.#showCall(eye);
    } else if (this.#lobby !== undefined) {
      this.#choice = this.#lobby.choice();
      this.#showLobby(null);
      this.#lobby.show(this.#source?.video ?? null);
    } else this.#left();
  }

  /** The link for others; for the own address bar it keeps what this visit asked for. */
  #link(own: boolean): string {
    const link = new URL(invitation(new URL(location.href), this.#choice.room, this.address.secret));
    if (own) {
      const keep = new URL(location.href).searchParams;
      keep.set('room', this.#choice.room);
      link.search = keep.toString();
    }
    return link.href;
  }

  async #copy(): Promise<boolean> {
    try {
      await navigator.clipboard.writeText(this.#link(false));
      return true;
    } catch {
      this.#notices.say(this.#link(false));
      return false;
    }
  }
}

/** What this browser lacks before anything is tried. */
function missing(): Problem | null {
  if (!isSecureContext) return 'insecure-page';
  const sender = globalThis.RTCRtpSender as { prototype: object } | undefined;
  if (sender === undefined || !('RTCRtpScriptTransform' in globalThis || 'createEncodedStreams' in sender.prototype)) return 'no-transform';
  return null;
}

/** Small conveniences, kept in this browser: never a key or a room. Storage may be refused, which is no matter. */
export function recall(what: 'name' | 'source' | 'theme' | 'language'): string {
  try {
    return localStorage.getItem(`frameseal-meet.${what}`) ?? '';
  } catch {
    return '';
  }
}

function remember(what: 'name' | 'source' | 'theme' | 'language', value: string): void {
  try {
    localStorage.setItem(`frameseal-meet.${what}`, value);
  } catch {
    // Refused storage costs a convenience.
  }
}

/** The call's screen: the server's eye, the tiles, the figures and the controls. */

import type { EyeFrame } from '../eye.js';
import { t } from '../i18n.js';
import { CallError, type CallControl, type CallView, type Codec, type Rejoin } from '../model.js';
import { Controls } from './controls.js';
import { h } from './dom.js';
import { EyePane } from './eye.js';
import { FiguresPane } from './figures.js';
import { Grid } from './grid.js';
import { icon } from './icons.js';
import { PeoplePane } from './people.js';
import { openSettings } from './settings.js';

export interface CallScreenOptions {
  readonly able: ReadonlySet<Codec>;
  readonly eye: boolean;
  eyePicture(frame: VideoFrame, of: string): void;
  say(words: string): void;
  problem(error: CallError): void;
  left(): void;
}

export class CallScreen {
  readonly element: HTMLElement;
  readonly #grid = new Grid();
  readonly #controls: Controls;
  readonly #stage: HTMLElement;
  readonly #warning: HTMLElement;
  #eye: EyePane | undefined;
  #figures: FiguresPane | undefined;
  #people: PeoplePane | undefined;

  constructor(private readonly call: CallControl, private readonly options: CallScreenOptions) {
    const run = (work: () => void | Promise<void>) => () => void this.#try(work);
    this.#controls = new Controls({
      mic: run(() => call.setMic(!this.#me()?.micOn)),
      camera: run(() => call.setCamera(!this.#me()?.cameraOn)),
      share: run(() => call.setSharing(!call.view.sharing)),
      eye: run(() => this.#showEye(this.#eye === undefined)),
      rotate: run(() => call.rotate()),
      figures: run(() => this.#showFigures(this.#figures === undefined)),
      people: run(() => this.#showPeople(this.#people === undefined)),
      settings: run(() => openSettings(call.view, options.able, (change) => void this.#try(() => call.rejoin(change)))),
      leave: run(() => {
        call.leave();
        options.left();
      }),
    });
    this.#warning = h('div', { class: 'not-encrypted', role: 'alert', hidden: true },
      h('strong', {}, icon('unlock'), t('call.clear')), h('span', {}, t('call.clear.why')),
      h('button', { type: 'button', onclick: () => this.#rejoin({ encrypted: true }) }, t('call.clear.fix')));
    this.#stage = h('div', { class: 'stage' }, this.#grid.element);
    this.element = h('main', { class: 'call', id: 'main' },
      h('h1', { class: 'visually-hidden' }, t('header.room', { room: call.view.room })), this.#warning, h('div', { class: 'work' }, this.#stage), this.#controls.element);
    this.#showEye(options.eye);
  }

  get eyeOpen(): boolean {
    return this.#eye !== undefined;
  }

  get eyePane(): EyePane | undefined {
    return this.#eye;
  }

  /** The others' cameras as they are on screen. */
  pictures(): { id: string; name: string; video: HTMLVideoElement }[] {
    return this.call.view.members.flatMap(({ id, name, self }) => {
      const video = self ? undefined : this.#grid.video(id);
      return video === undefined ? [] : [{ id, name, video }];
    });
  }

  update(view: CallView): void {
    if (this.#warning.hidden !== view.encrypted) this.#warning.hidden = view.encrypted;
    this.#grid.update(view.members);
    this.#eye?.update(view);
    this.#figures?.update(view);
    this.#people?.update(view);
    const me = this.#me();
    this.#controls.update({
      micOn: me?.micOn ?? false,
      cameraOn: me?.cameraOn ?? false,
      sharing: view.sharing,
      canShare: 'getDisplayMedia' in (navigator.mediaDevices ?? {}),
      canRotate: view.encrypted && view.phase === 'joined',
      eyeOpen: this.#eye !== undefined,
      figuresOpen: this.#figures !== undefined,
      peopleOpen: this.#people !== undefined,
      hasGroup: view.group !== undefined,
    });
  }

  eye(frame: EyeFrame): void {
    this.#eye?.take(frame);
  }

  close(): void {
    this.#eye?.close();
    this.#eye = undefined;
    this.#grid.close();
  }

  #me() {
    return this.call.view.members.find((member) => member.self);
  }

  #showEye(open: boolean): void {
    if (open === (this.#eye !== undefined)) return;
    if (open) {
      this.#eye = new EyePane({
        watch: (of) => this.call.watch(of),
        setEncrypted: (on) => this.#rejoin({ encrypted: on }),
        close: () => this.#showEye(false),
        picture: (frame, of) => this.options.eyePicture(frame, of),
      });
      this.#stage.prepend(this.#eye.element);
    } else {
      this.#eye?.close();
      this.#eye?.element.remove();
      this.#eye = undefined;
    }
    this.update(this.call.view);
  }

  #showFigures(open: boolean): void {
    if (open === (this.#figures !== undefined)) return;
    if (open) {
      this.#figures = new FiguresPane({ close: () => this.#showFigures(false), copy: () => void this.#try(() => this.#copyReport()) });
      this.#stage.after(this.#figures.element);
    } else {
      this.#figures?.element.remove();
      this.#figures = undefined;
    }
    this.update(this.call.view);
  }

  #showPeople(open: boolean): void {
    if (open === (this.#people !== undefined)) return;
    if (open) {
      this.#people = new PeoplePane({ close: () => this.#showPeople(false), remove: (key) => void this.#try(() => this.call.remove(key)),
        compare: () => void this.#try(() => this.call.compare()), same: () => void this.#try(() => this.call.same()),
        admit: (key, yes) => void this.#try(() => this.call.admit(key, yes)) });
      this.#stage.after(this.#people.element);
    } else {
      this.#people?.element.remove();
      this.#people = undefined;
    }
    this.update(this.call.view);
  }

  async #copyReport(): Promise<void> {
    await navigator.clipboard.writeText(JSON.stringify(await this.call.report(), null, 2));
    this.options.say(t('figures.report.copied'));
  }

  #rejoin(change: Rejoin): void {
    void this.#try(() => this.call.rejoin(change));
  }

  async #try(work: () => void | Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.options.problem(error instanceof CallError ? error : new CallError('refused', error instanceof Error ? error.message : String(error)));
    }
  }
}

/** The first page: name, room, source, options; a live preview of what will be sent. */

import { CODECS, SUITES, type Codec, type Problem, type Suite } from '../model.js';
import { t } from '../i18n.js';
import { h, text } from './dom.js';
import { icon } from './icons.js';

export interface LobbyChoice {
  readonly name: string;
  readonly room: string;
  readonly source: 'camera' | 'synthetic';
  readonly codec: Codec;
  readonly suite: Suite;
}

export interface LobbyOptions {
  readonly choice: LobbyChoice;
  readonly codecs: ReadonlySet<Codec>;
  readonly roomFixed: boolean;
  preview(source: 'camera' | 'synthetic', name: string): void;
  join(choice: LobbyChoice): void;
}

export class Lobby {
  readonly element: HTMLElement;
  readonly #video = h('video', { muted: true, autoplay: true, playsinline: true, 'aria-label': t('lobby.preview') });
  readonly #problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  readonly #name: HTMLInputElement;
  readonly #room: HTMLInputElement;
  readonly #join: HTMLButtonElement;
  readonly #source: HTMLSelectElement;
  readonly #codec: HTMLSelectElement;
  readonly #suite: HTMLSelectElement;

  constructor(options: LobbyOptions) {
    const { choice } = options;
    this.#video.muted = true;
    this.#name = h('input', { id: 'name', name: 'name', value: choice.name, autocomplete: 'name', maxlength: 64, required: true });
    this.#room = h('input', { id: 'room', name: 'room', value: choice.room, maxlength: 64, required: true, spellcheck: 'false', readonly: options.roomFixed });
    this.#source = select('source', ['camera', 'synthetic'], choice.source, (value) => t(`lobby.source.${value}`));
    this.#codec = codecSelect(choice.codec, options.codecs);
    this.#suite = suiteSelect(choice.suite);
    this.#join = h('button', { class: 'primary', type: 'submit' }, icon('lock'), h('span', {}, t('lobby.join')));
    const refresh = (): void => options.preview(this.#source.value === 'camera' ? 'camera' : 'synthetic', this.#name.value.trim());
    this.#source.addEventListener('change', refresh);
    this.#name.addEventListener('change', refresh);

    const form = h('form', { novalidate: true, class: 'lobby-form', onsubmit: (event) => {
      event.preventDefault();
      const name = this.#name.value.trim();
      const room = this.#room.value.trim();
      if (name === '') return this.#invalid(this.#name, t('lobby.name.missing'));
      if (room === '') return this.#invalid(this.#room, t('lobby.room.missing'));
      this.busy(true);
      options.join(this.choice());
    } },
      h('div', { class: 'pair' }, field('name', t('lobby.name'), this.#name), field('room', t('lobby.room'), this.#room)),
      field('source', t('lobby.source'), this.#source),
      h('details', { class: 'more' }, h('summary', {}, t('lobby.options')),
        h('div', { class: 'pair' }, field('codec', t('settings.codec'), this.#codec), field('suite', t('settings.suite'), this.#suite))),
      this.#problem,
      this.#join,
      h('p', { class: 'note' }, icon('link'), h('span', {}, t('lobby.invite'))),
    );

    this.element = h('main', { class: 'lobby', id: 'main' },
      h('section', { class: 'lobby-words' }, h('h1', {}, t('lobby.title')), h('p', { class: 'lead' }, t('lobby.lead')), form),
      h('figure', { class: 'lobby-preview' }, this.#video, h('figcaption', {}, t('lobby.preview'))),
    );
  }

  /** What the form says now. */
  choice(): LobbyChoice {
    return {
      name: this.#name.value.trim(),
      room: this.#room.value.trim(),
      source: this.#source.value === 'camera' ? 'camera' : 'synthetic',
      codec: CODECS.find((known) => known === this.#codec.value) ?? 'vp8',
      suite: SUITES.find((known) => known === this.#suite.value) ?? 'aes-128-gcm',
    };
  }

  /** Shows what would be sent; the element keeps the old picture until the new one runs. */
  show(track: MediaStreamTrack | null): void {
    this.#video.srcObject = track === null ? null : new MediaStream([track]);
  }

  problem(problem: Problem | null, detail = ''): void {
    this.#problem.hidden = problem === null;
    if (problem !== null) text(this.#problem, t(`problem.${problem}`, { detail }));
    if (problem === 'name-taken') this.#name.focus();
  }

  busy(on: boolean): void {
    this.#join.disabled = on;
    const label = this.#join.querySelector('span');
    if (label) text(label, t(on ? 'lobby.joining' : 'lobby.join'));
  }

  #invalid(input: HTMLInputElement, words: string): void {
    this.#problem.hidden = false;
    text(this.#problem, words);
    input.setAttribute('aria-invalid', 'true');
    input.addEventListener('input', () => input.removeAttribute('aria-invalid'), { once: true });
    input.focus();
  }
}

export function field(id: string, label: string, control: HTMLElement): HTMLElement {
  return h('div', { class: 'field' }, h('label', { for: id }, label), control);
}

function select<T extends string>(id: string, values: readonly T[], chosen: T, label: (value: T) => string, missing?: (value: T) => boolean): HTMLSelectElement {
  const element = h('select', { id, name: id });
  for (const value of values) {
    const absent = missing?.(value) ?? false;
    const name = absent ? t('settings.unavailable', { name: label(value) }) : label(value);
    element.append(h('option', { value, disabled: absent, selected: value === chosen }, name));
  }
  return element;
}

/** Codecs this browser cannot send stay in the list, disabled, and say so. */
export function codecSelect(chosen: Codec, able: ReadonlySet<Codec>, id = 'codec'): HTMLSelectElement {
  return select(id, CODECS, chosen, (codec) => t(`codec.${codec}`), (codec) => !able.has(codec));
}

export function suiteSelect(chosen: Suite, id = 'suite'): HTMLSelectElement {
  return select(id, SUITES, chosen, (suite) => t(`suite.${suite}`));
}

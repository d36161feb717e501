/** The top line: the product, the room, the state of the whole call, invitation, language and theme. */

import { language, t, type Language } from '../i18n.js';
import type { CallView, Lock } from '../model.js';
import { attr, h, text } from './dom.js';
import { icon, setIcon } from './icons.js';
import { LOCK_ICON } from './tile.js';

export interface HeaderActions {
  copy(): Promise<boolean>;
  language(next: Language): void;
  theme(): void;
}

export class Header {
  readonly element: HTMLElement;
  readonly #room = h('span', { class: 'room' });
  readonly #state = h('p', { class: 'call-state', hidden: true }, h('span', {}));
  readonly #copy: HTMLButtonElement;

  constructor(actions: HeaderActions) {
    const label = h('span', {}, t('header.copy'));
    this.#copy = h('button', { type: 'button', class: 'secondary copy', hidden: true, 'aria-label': t('header.copy'), onclick: () => {
      void actions.copy().then((done) => {
        if (!done) return;
        text(label, t('header.copied'));
        setTimeout(() => text(label, t('header.copy')), 2500);
      });
    } }, icon('link'), label);
    const languages = h('select', { 'aria-label': t('header.language'), class: 'language' },
      ...(['en', 'fr'] as const).map((one) => h('option', { value: one, lang: one, selected: one === language() }, one === 'en' ? 'English' : 'Français')));
    languages.addEventListener('change', () => actions.language(languages.value === 'fr' ? 'fr' : 'en'));
    this.element = h('header', { class: 'top' },
      h('div', { class: 'brand' }, mark(), h('span', {}, t('app.name'))),
      this.#room, this.#state,
      h('div', { class: 'top-tools' }, this.#copy, languages,
        h('button', { type: 'button', class: 'plain', 'aria-label': t('header.theme'), onclick: () => actions.theme() }, icon('theme'))));
  }

  update(view: CallView | undefined): void {
    this.#copy.hidden = view === undefined;
    // Without encryption the red band below says it, larger.
    this.#state.hidden = view === undefined || (!view.encrypted && view.phase !== 'lost');
    text(this.#room, view === undefined ? '' : t('header.room', { room: view.room }));
    if (view === undefined) return;
    const { lock, words } = summary(view);
    attr(this.#state, 'data-lock', lock);
    setIcon(this.#state, LOCK_ICON[lock]);
    const label = this.#state.querySelector('span');
    if (label) text(label, words);
  }
}

function summary(view: CallView): { lock: Lock; words: string } {
  if (view.phase === 'lost') return { lock: 'waiting', words: t('call.lost') };
  if (!view.encrypted) return { lock: 'clear', words: t('call.clear') };
  const locks = view.members.map((member) => member.lock);
  const others = view.members.filter((member) => !member.self);
  if (locks.includes('clear')) return { lock: 'clear', words: t('call.clear.some') };
  if (others.length > 0 && others.every((member) => member.reason === 'wrong-key')) return { lock: 'broken', words: t('call.secret') };
  if (locks.includes('broken')) return { lock: 'broken', words: t('call.broken') };
  if (locks.includes('waiting')) return { lock: 'waiting', words: t('call.waiting') };
  return { lock: 'sealed', words: t(others.length > 0 ? 'call.sealed' : 'call.alone') };
}

/** The mark: a frame, and a seal on its corner. */
function mark(): SVGSVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 32 32');
  svg.setAttribute('class', 'mark');
  svg.setAttribute('aria-hidden', 'true');
  for (const [d, name] of [['M4 7.5h24v17H4z', 'mark-frame'], ['M22 17.5a6 6 0 1 0 0 12 6 6 0 0 0 0-12z', 'mark-seal'], ['M19.4 23.6l1.9 1.9 3.4-3.8', 'mark-tick']] as const) {
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    path.setAttribute('d', d);
    path.setAttribute('class', name);
    svg.append(path);
  }
  return svg;
}

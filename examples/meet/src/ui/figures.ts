/** Live figures: frames, cost per frame, failures by reason, one row for each stream. */

import { language, t } from '../i18n.js';
import { REASONS, type CallView, type MemberView, type Reason, type TrackView } from '../model.js';
import { attr, h, reconcile, text } from './dom.js';
import { icon, setIcon } from './icons.js';
import { LOCK_ICON } from './tile.js';

export class FiguresPane {
  readonly element: HTMLElement;
  readonly #totals: Record<'sealed' | 'opened' | 'failed' | 'first', HTMLElement>;
  readonly #body = h('tbody', {});
  readonly #rows = new Map<string, HTMLTableRowElement>();
  readonly #reasons = h('p', { class: 'caption' });

  constructor(actions: { close(): void; copy(): void }) {
    const total = (): HTMLElement => h('dd', {});
    this.#totals = { sealed: total(), opened: total(), failed: total(), first: total() };
    const head = (key: 'track' | 'direction' | 'frames' | 'good' | 'decoded' | 'p50' | 'p99'): HTMLElement =>
      h('th', { scope: 'col' }, t(`figures.${key}`));
    this.element = h('aside', { class: 'side figures', 'aria-labelledby': 'figures-title' },
      h('header', {}, h('h2', { id: 'figures-title' }, t('figures.title')),
        h('button', { type: 'button', class: 'plain', 'aria-label': t('figures.close'), onclick: () => actions.close() }, icon('close'))),
      h('p', { class: 'caption' }, t('figures.lead')),
      h('dl', { class: 'totals' }, ...(['sealed', 'opened', 'failed', 'first'] as const).map((key) =>
        h('div', {}, h('dt', {}, t(`figures.${key}`)), this.#totals[key]))),
      h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-labelledby': 'figures-title' },
        h('table', {}, h('thead', {}, h('tr', {}, head('track'), head('good'), head('decoded'), head('p50'), head('p99'))), this.#body)),
      h('h3', {}, t('figures.reasons')), this.#reasons,
      h('button', { type: 'button', class: 'secondary', onclick: () => actions.copy() }, icon('copy'), h('span', {}, t('figures.report'))),
    );
  }

  update(view: CallView): void {
    const streams = view.members.flatMap((member) => member.tracks.map((track) => ({ member, track })));
    const sum = (direction: TrackView['direction']): number =>
      streams.reduce((total, { track }) => total + (track.direction === direction ? track.good : 0), 0);
    const failed = new Map<Reason, number>();
    for (const { track } of streams) for (const reason of REASONS) {
      const count = track.failed[reason] ?? 0;
      if (count > 0) failed.set(reason, (failed.get(reason) ?? 0) + count);
    }
    text(this.#totals.sealed, number(sum('send')));
    text(this.#totals.opened, number(sum('receive')));
    text(this.#totals.failed, number([...failed].reduce((total, [, count]) => total + count, 0)));
    text(this.#totals.first, view.firstFrameMs < 0 ? '–' : `${number(view.firstFrameMs)} ms`);
    text(this.#reasons, failed.size === 0 ? t('figures.none') : [...failed].map(([reason, count]) => `${t(`short.${reason}`)}: ${number(count)}`).join(' · '));
    const wanted = streams.map(({ member, track }) => this.#row(member, track));
    const live = new Set(streams.map(({ member, track }) => `${member.id}/${track.key}`));
    for (const key of this.#rows.keys()) if (!live.has(key)) this.#rows.delete(key);
    reconcile(this.#body, wanted);
  }

  #row(member: MemberView, track: TrackView): HTMLTableRowElement {
    const key = `${member.id}/${track.key}`;
    const row = this.#rows.get(key) ?? h('tr', {},
      h('th', { scope: 'row' }, h('span', {}), h('small', {})), h('td', {}), h('td', {}), h('td', {}), h('td', {}));
    this.#rows.set(key, row);
    const [head, good, decoded, p50, p99] = [...row.children];
    attr(row, 'data-lock', track.lock);
    if (head?.firstElementChild && head.lastElementChild) {
      setIcon(head, LOCK_ICON[track.lock]);
      const [name, kind] = [...head.children].filter((child) => child.localName !== 'svg');
      if (name) text(name, member.name);
      if (kind) text(kind, `${t(`kind.${track.kind}`)}, ${t(`figures.${track.direction}`)}${track.codec === '' ? '' : `, ${track.codec}`}`);
    }
    if (good) text(good, number(track.good));
    if (decoded) text(decoded, track.direction === 'send' ? '–' : number(track.decoded));
    if (p50) text(p50, cost(track.p50));
    if (p99) text(p99, cost(track.p99));
    return row;
  }
}

function number(value: number): string {
  return Math.round(value).toLocaleString(language());
}

function cost(microseconds: number): string {
  return microseconds > 0 ? number(microseconds) : '–';
}

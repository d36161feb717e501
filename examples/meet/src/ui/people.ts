/** Who is in the group that the keys come from, how each is known, the code to compare, and a way to remove somebody. */

import { language, t } from '../i18n.js';
import type { CallView, GroupMember } from '../model.js';
import { attr, h, reconcile, text } from './dom.js';
import { icon } from './icons.js';

export class PeoplePane {
  readonly element: HTMLElement;
  readonly #code = h('p', { class: 'group-code' });
  readonly #emoji = h('ul', { class: 'group-emoji', role: 'status' });
  readonly #compare: HTMLElement;
  readonly #same: HTMLElement;
  readonly #epoch = h('p', { class: 'caption' });
  readonly #list = h('ul', { class: 'group-members' });
  readonly #knocks = h('ul', { class: 'group-members' });
  readonly #outside = h('p', { class: 'caption', role: 'status' });
  readonly #rows = new Map<string, HTMLLIElement>();

  constructor(private readonly actions: { close(): void; remove(key: string): void; compare(): void; same(): void; admit(key: string, yes: boolean): void }) {
    this.#compare = h('button', { type: 'button', class: 'secondary', onclick: () => actions.compare() }, t('people.compare'));
    this.#same = h('button', { type: 'button', class: 'secondary', onclick: () => actions.same() }, t('people.same'));
    this.element = h('aside', { class: 'side people', 'aria-labelledby': 'people-title' },
      h('header', {}, h('h2', { id: 'people-title' }, t('people.title')),
        h('button', { type: 'button', class: 'plain', 'aria-label': t('people.close'), onclick: () => actions.close() }, icon('close'))),
      h('p', { class: 'caption' }, t('people.lead')),
      h('h3', {}, t('people.code')), this.#code, h('p', { class: 'caption' }, t('people.code.why')), this.#emoji,
      h('div', {}, this.#compare, this.#same),
      h('h3', {}, t('people.members')), this.#list, this.#knocks, this.#outside, this.#epoch);
  }

  update({ group, members }: CallView): void {
    if (group === undefined) return;
    text(this.#code, group.code);
    this.#same.hidden = group.members.length < 2 || group.compared;
    this.#compare.hidden = group.members.length < 2 || group.emoji.length > 0;
    const emoji = group.emoji.map(({ symbol }) => symbol).join();
    if (this.#emoji.dataset['shown'] !== emoji) {
      this.#emoji.replaceChildren(...group.emoji.map(({ symbol, en, fr }) => h('li', {}, h('span', { 'aria-hidden': 'true' }, symbol), h('small', {}, language() === 'fr' ? fr : en))));
    }
    this.#emoji.dataset['shown'] = emoji;
    text(this.#epoch, t('people.epoch', { epoch: group.epoch }));
    const names = (ids: readonly string[]): string => ids.map((id) => members.find((member) => member.id === id)?.name ?? id).join(', ');
    this.#outside.hidden = group.outside.length === 0;
    text(this.#outside, group.outside.length === 0 ? '' : t('people.outside', { names: names(group.outside) }));
    this.#knocks.hidden = group.knocking.length === 0;
    // Made anew only when somebody else waits: a button must outlive a click.
    const waiting = group.knocking.map(({ key }) => key).join();
    if (this.#knocks.dataset['keys'] !== waiting) this.#knocks.replaceChildren(...group.knocking.map(({ key, name }) => h('li', {}, h('span', {}, t('people.knocks', { name })),
      h('div', {}, h('button', { type: 'button', class: 'primary', onclick: () => this.actions.admit(key, true) }, t('people.admit')),
        h('button', { type: 'button', class: 'secondary', onclick: () => this.actions.admit(key, false) }, t('people.refuse'))))));
    this.#knocks.dataset['keys'] = waiting;
    for (const key of this.#rows.keys()) if (!group.members.some((member) => member.key === key)) this.#rows.delete(key);
    reconcile(this.#list, group.members.map((member) => this.#row(member)));
  }

  #row(member: GroupMember): HTMLLIElement {
    const row = this.#rows.get(member.key) ?? h('li', {}, h('span', { class: 'group-name' }), h('small', {}),
      h('button', { type: 'button', class: 'secondary', onclick: () => this.actions.remove(member.key) }, t('people.remove')));
    this.#rows.set(member.key, row);
    const [name, known, remove] = [...row.children];
    const shown = member.name === '' ? member.id : member.name;
    if (name) text(name, member.self ? t('tile.you', { name: shown }) : shown);
    if (known) text(known, member.self ? t('people.self') : t(!member.heard ? 'people.unheard' : member.uncompared ? 'people.uncompared' : `people.${member.trust}`));
    attr(row, 'data-heard', String(member.heard));
    if (remove) {
      attr(remove, 'hidden', member.self);
      attr(remove, 'aria-label', t('people.remove.who', { name: shown }));
    }
    return row;
  }
}

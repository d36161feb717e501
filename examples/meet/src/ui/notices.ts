/** Short notes that come and go, and the live region that reads them out. */

import { t } from '../i18n.js';
import type { Notice } from '../model.js';
import { h } from './dom.js';

const STAY_MS = 6000;

export class Notices {
  readonly element = h('div', { class: 'notices', role: 'status', 'aria-live': 'polite' });

  show(notice: Notice): void {
    // A lock is seen on its tile, with the reason; here it is for those who listen.
    this.say(words(notice), notice.kind === 'lock' ? 'unseen' : notice.kind === 'problem' ? 'alert' : 'calm');
  }

  say(message: string, tone: 'calm' | 'alert' | 'unseen' = 'calm', action?: { label: string; run(): void }): void {
    const note = h('p', { class: tone === 'unseen' ? 'visually-hidden' : 'notice', 'data-tone': tone }, h('span', {}, message));
    if (action !== undefined) {
      note.append(h('button', { type: 'button', class: 'link', onclick: () => {
        action.run();
        note.remove();
      } }, action.label));
    } else setTimeout(() => note.remove(), tone === 'alert' ? STAY_MS * 2 : STAY_MS);
    while (this.element.childElementCount >= 3) this.element.firstElementChild?.remove();
    this.element.append(note);
  }
}

function words(notice: Notice): string {
  switch (notice.kind) {
    case 'joined':
    case 'left':
      return t(`notice.${notice.kind}`, { name: notice.name });
    case 'knocks':
    case 'uncompared':
      return t(`notice.${notice.kind}`, { name: notice.name });
    case 'waiting':
      return t('notice.waiting');
    case 'rotated':
      return t('notice.rotated', { generation: notice.generation });
    case 'problem':
      return t(`problem.${notice.problem}`, { detail: notice.detail ?? '' });
    case 'lock': {
      const reason = notice.reason === undefined ? '' : t(`reason.${notice.reason}`);
      if (notice.lock === 'clear') return t('notice.clear', { name: notice.name, reason });
      if (notice.lock === 'broken') return t('notice.broken', { name: notice.name, reason });
      return t('notice.sealed', { name: notice.name });
    }
  }
}

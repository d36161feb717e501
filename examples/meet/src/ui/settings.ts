/** Codec, cipher suite and the contrast switch, in a dialog. */

import { t } from '../i18n.js';
import { CODECS, SUITES, type CallView, type Codec, type Rejoin } from '../model.js';
import { h } from './dom.js';
import { icon } from './icons.js';
import { codecSelect, field, suiteSelect } from './lobby.js';

export function openSettings(view: CallView, able: ReadonlySet<Codec>, apply: (change: Rejoin) => void): void {
  const codec = codecSelect(view.codec, able, 'in-codec');
  const suite = suiteSelect(view.suite, 'in-suite');
  const encrypted = h('input', { type: 'checkbox', id: 'in-encrypted', checked: view.encrypted });
  const dialog = h('dialog', { class: 'settings', 'aria-labelledby': 'settings-title' });
  const close = (): void => {
    dialog.close();
    dialog.remove();
  };
  codec.addEventListener('change', () => {
    const chosen = CODECS.find((known) => known === codec.value);
    if (chosen !== undefined) apply({ codec: chosen });
  });
  suite.addEventListener('change', () => {
    const chosen = SUITES.find((known) => known === suite.value);
    if (chosen !== undefined) apply({ suite: chosen });
  });
  encrypted.addEventListener('change', () => apply({ encrypted: encrypted.checked }));
  dialog.append(
    h('header', {}, h('h2', { id: 'settings-title' }, t('settings.title')),
      h('button', { type: 'button', class: 'plain', 'aria-label': t('settings.close'), onclick: close }, icon('close'))),
    field('in-codec', t('settings.codec'), codec),
    field('in-suite', t('settings.suite'), suite),
    h('p', { class: 'caption' }, t('settings.suite.own')),
    h('div', { class: 'check' }, encrypted, h('label', { for: 'in-encrypted' }, t('settings.encryption'))),
    h('p', { class: 'caption' }, t('settings.rejoin')),
  );
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) close();
  });
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

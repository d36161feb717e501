/** Starts the page. */

import { App, recall } from './app.js';
import { Call } from './call.js';
import { chooseLanguage, setLanguage } from './i18n.js';
import { Observer, type Observation } from './observer.js';
import { readAddress } from './room.js';
import { sealed } from './sealed.js';
import { unsealed } from './unsealed.js';
import { readVisit } from './visit.js';

declare global {
  /** For a support desk's console, and for the headless proof: what this page knows, without a key. */
  var meet: { report(): Promise<Observation>; hush(): Promise<void>; rotate(): Promise<void>; remove(participant: string): Promise<void> } | undefined;
}

const url = new URL(location.href);
setLanguage(chooseLanguage(url.searchParams.get('lang') ?? recall('language'), navigator.languages));
const theme = recall('theme');
if (theme === 'dark' || theme === 'light') document.documentElement.dataset['theme'] = theme;

const visit = readVisit(url);
const app = new App(readAddress(url), visit, (options, source, events) =>
  Call.start(options, source, events, async (wanted, id, told) => (wanted.encrypted ? sealed(wanted, id, told) : unsealed(wanted.witness))));
const observer = new Observer(app, visit.witness);
globalThis.meet = {
  report: () => observer.report(), hush: async () => app.call?.hush(), rotate: async () => app.call?.rotate(),
  remove: async (participant) => app.call?.removeParticipant(participant),
};
void app.open();

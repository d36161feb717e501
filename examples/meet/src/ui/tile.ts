/** One participant's picture (or screen) with the measured state of its lock, in words. */

import { t, type Key } from '../i18n.js';
import type { Lock, MemberView, Reason, TrackView } from '../model.js';
import { initials } from '../scene.js';
import { attr, h, text } from './dom.js';
import { icon, setIcon, type IconName } from './icons.js';

export const LOCK_ICON: Record<Lock, IconName> = { sealed: 'lock', waiting: 'clock', broken: 'alert', clear: 'unlock' };

export type TileKind = 'camera' | 'screen';

export class Tile {
  readonly element: HTMLElement;
  readonly video = h('video', { autoplay: true, playsinline: true });
  readonly #name = h('span', { class: 'tile-name' });
  readonly #mic = h('span', { class: 'tile-mic', role: 'img' }, icon('mic-off'));
  readonly #lock = h('button', { class: 'lock', type: 'button', 'aria-expanded': 'false' }, h('span', {}));
  readonly #details = h('div', { class: 'tile-details', hidden: true });
  readonly #veil = h('div', { class: 'tile-veil' });
  readonly #veilFace = h('div', { class: 'face', 'aria-hidden': 'true' });
  readonly #veilWords = h('p', {});
  #track: MediaStreamTrack | null = null;

  constructor(readonly kind: TileKind) {
    this.video.muted = true;
    this.#veil.append(this.#veilFace, this.#veilWords);
    this.#lock.addEventListener('click', () => this.#expand(this.#details.hidden === true));
    this.element = h('li', { class: `tile ${kind}` },
      this.video, this.#veil, this.#details,
      h('div', { class: 'tile-foot' }, h('span', { class: 'tile-who' }, this.#mic, this.#name), this.#lock));
    this.element.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.#details.hidden !== true) {
        this.#expand(false);
        this.#lock.focus();
      }
    });
  }

  update(member: MemberView): void {
    const screen = this.kind === 'screen';
    const shown = screen ? member.tracks.filter((track) => track.kind.startsWith('screen')) : member.tracks.filter((track) => !track.kind.startsWith('screen'));
    const { lock, reason } = worstOf(shown, member);
    const name = member.self ? t('tile.you', { name: member.name }) : member.name;
    const title = screen ? t('tile.screen', { name }) : name;
    text(this.#name, title);
    const words = t(`tile.${lock}`);
    attr(this.element, 'data-lock', lock);
    attr(this.element, 'aria-label', t('tile.label', { name: title, state: words }));
    attr(this.element, 'data-self', member.self && !screen);
    setIcon(this.#lock, LOCK_ICON[lock]);
    const label = this.#lock.querySelector('span');
    if (label) text(label, words);
    attr(this.#lock, 'aria-label', `${words}. ${t('tile.details', { name: title })}`);
    this.#mic.hidden = screen || member.micOn;
    attr(this.#mic, 'aria-label', t('tile.muted'));

    const track = screen ? member.screen : member.camera;
    if (track !== this.#track) {
      this.#track = track;
      this.video.srcObject = track === null ? null : new MediaStream([track]);
    }
    this.#cover(member, lock, reason);
    if (!this.#details.hidden) this.#fill(member, shown, reason);
    else this.#details.dataset['stale'] = 'yes';
    this.#last = () => this.#fill(member, shown, reason);
  }

  #last: () => void = () => undefined;

  /** A veil instead of a black or frozen picture: why there is none, in words. */
  #cover(member: MemberView, lock: Lock, reason: Reason | undefined): void {
    const off = this.kind === 'camera' && !member.cameraOn;
    const refused = !member.self && (lock === 'broken' || (lock === 'clear' && reason === 'plaintext'));
    const nothing = this.#track === null;
    this.#veil.hidden = !(off || refused || nothing);
    if (this.#veil.hidden) return;
    attr(this.#veil, 'data-reason', refused);
    text(this.#veilFace, initials(member.name));
    text(this.#veilWords, refused && reason !== undefined ? t(`reason.${reason}`) : off ? t('tile.cameraoff') : t('call.waiting'));
  }

  #expand(open: boolean): void {
    this.#details.hidden = !open;
    attr(this.#lock, 'aria-expanded', open ? 'true' : 'false');
    if (open) this.#last();
  }

  #fill(member: MemberView, tracks: readonly TrackView[], reason: Reason | undefined): void {
    const lines = tracks.map((track) => {
      const kind = t(`kind.${track.kind}`);
      const key: Key = track.frames === 0 ? 'details.none' : track.direction === 'send' ? 'details.sealed' : 'details.opened';
      return capital(t(key, { kind, good: track.good, frames: track.frames }));
    });
    if (reason !== undefined) lines.unshift(t(`reason.${reason}`));
    if (member.fingerprint !== '') lines.push(t('details.key', { fingerprint: member.fingerprint, generation: Math.max(0, ...tracks.map((track) => track.generation)) }));
    lines.push(t('details.why'));
    while (this.#details.children.length > lines.length) this.#details.lastElementChild?.remove();
    lines.forEach((line, at) => {
      const there = this.#details.children[at] ?? this.#details.appendChild(h('p', {}));
      text(there, line);
    });
  }
}

function worstOf(tracks: readonly TrackView[], member: MemberView): { lock: Lock; reason: Reason | undefined } {
  if (tracks.length === 0) return { lock: member.lock, reason: member.reason };
  const order: readonly Lock[] = ['clear', 'broken', 'waiting', 'sealed'];
  for (const lock of order) {
    const found = tracks.find((track) => track.lock === lock && !(lock === 'waiting' && (track.muted || track.kind === 'audio')));
    if (found !== undefined) return { lock, reason: found.reason };
  }
  return { lock: 'waiting', reason: undefined };
}

function capital(words: string): string {
  return words.charAt(0).toLocaleUpperCase() + words.slice(1);
}

/** The server's eye: the real picture beside what a decoder at the server can make of the same frames. */

import { EyeDecoder, Likeness, type EyeCounts, type EyeFrame } from '../eye.js';
import { t } from '../i18n.js';
import type { CallView, MemberView, TrackKind } from '../model.js';
import { attr, h, text } from './dom.js';
import { icon, setIcon } from './icons.js';

export interface EyeTarget {
  readonly member: string;
  readonly kind: TrackKind;
}

export interface EyeActions {
  watch(of: EyeTarget | null): void;
  setEncrypted(on: boolean): void;
  close(): void;
  /** Each picture that the decoder makes; not to be closed. */
  picture(frame: VideoFrame, of: string): void;
}

export type EyeVerdict = 'waiting' | 'blind' | 'garbage' | 'sees';

/** Below this likeness a decoder's picture has nothing to do with the real one. */
const ALIKE = 0.6;
/** Without a picture for so many frames the verdict is "blind". */
const BLIND_AFTER = 12;
const NOISE = { width: 160, height: 90 };
const HEX_BYTES = 192;
const calm = globalThis.matchMedia?.('(prefers-reduced-motion: reduce)');

export class EyePane {
  readonly element: HTMLElement;
  readonly #real = h('video', { autoplay: true, playsinline: true });
  readonly #canvas = h('canvas', { width: 640, height: 360, role: 'img' });
  readonly #noise = new OffscreenCanvas(NOISE.width, NOISE.height);
  readonly #verdict = h('p', { class: 'verdict', 'aria-live': 'polite' }, h('span', {}));
  readonly #peopleNote = h('p', { class: 'caption' });
  readonly #counts = h('p', { class: 'caption' });
  readonly #decoderWords = h('p', { class: 'caption faint' });
  readonly #hex = h('code', { class: 'hex', 'aria-hidden': 'true' });
  readonly #hexTitle = h('span', {});
  readonly #select = h('select', { id: 'eye-of' });
  readonly #switch = h('button', { type: 'button', class: 'contrast' }, h('span', {}));
  readonly #likeness = new Likeness();
  #decoder = this.#newDecoder();
  #target: EyeTarget | null = null;
  #track: MediaStreamTrack | null = null;
  #last: EyeFrame | undefined;
  #likest = 0;
  #samples: { real: Float32Array; at: number }[] = [];
  #picturesAtFrame = 0;
  #lastPicture = -1e9;
  #view: CallView | undefined;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(private readonly actions: EyeActions) {
    this.#real.muted = true;
    this.#select.addEventListener('change', () => this.#choose(this.#select.value));
    this.#switch.addEventListener('click', () => actions.setEncrypted(!(this.#view?.encrypted ?? true)));
    this.element = h('section', { class: 'eye', 'aria-labelledby': 'eye-title' },
      h('header', { class: 'eye-head' },
        h('div', {}, h('h2', { id: 'eye-title' }, icon('eye'), t('eye.title')), h('p', { class: 'eye-lead' }, t('eye.lead'))),
        h('div', { class: 'eye-tools' },
          h('label', { for: 'eye-of', class: 'visually-hidden' }, t('eye.of')), this.#select, this.#switch,
          h('button', { type: 'button', class: 'plain', 'aria-label': t('eye.close'), onclick: () => actions.close() }, icon('close')))),
      h('div', { class: 'eye-pair' },
        h('figure', { class: 'people' },
          h('div', { class: 'frame' }, this.#real),
          h('figcaption', {}, h('h3', {}, t('eye.people')), this.#peopleNote)),
        h('figure', { class: 'server' },
          h('div', { class: 'frame' }, this.#canvas, this.#verdict),
          h('figcaption', {}, h('h3', {}, t('eye.server')), this.#counts, this.#decoderWords))),
      h('div', { class: 'bytes' }, h('p', { class: 'caption faint' }, this.#hexTitle), this.#hex),
    );
    this.#timer = setInterval(() => this.#tick(), 250);
  }

  /** One of the SFU's frames. */
  take(frame: EyeFrame): void {
    this.#last = frame;
    this.#decoder.take(frame);
  }

  get counts(): EyeCounts {
    return this.#decoder.counts;
  }

  /** Whose video the eye is on; empty for nobody's. */
  get of(): string {
    return this.#target?.member ?? '';
  }

  get verdict(): EyeVerdict {
    const { frames, pictures } = this.#decoder.counts;
    const fresh = performance.now() - this.#lastPicture < 2000;
    if (pictures > 0 && fresh) return this.#likest >= ALIKE ? 'sees' : pictures > 8 ? 'garbage' : 'waiting';
    return frames >= BLIND_AFTER ? 'blind' : 'waiting';
  }

  update(view: CallView): void {
    const rejoined = this.#view !== undefined && this.#view.encrypted !== view.encrypted;
    this.#view = view;
    const able = view.members.flatMap((member) => targets(member));
    this.#options(view.members, able);
    const same = able.some((one) => one.member === this.#target?.member && one.kind === this.#target.kind);
    if (!same || rejoined) {
      // After a rejoin the own id is new: stay with oneself.
      const own = able.find((one) => view.members.find((member) => member.id === one.member)?.self);
      this.#retarget(able.length === 0 ? null : (own ?? able[0] ?? null));
    }
    const member = view.members.find((one) => one.id === this.#target?.member);
    const track = member === undefined ? null : this.#target?.kind === 'screen' ? member.screen : member.camera;
    if (track !== this.#track) {
      this.#track = track;
      this.#real.srcObject = track === null ? null : new MediaStream([track]);
    }
    attr(this.element, 'data-encrypted', view.encrypted ? 'yes' : 'no');
    text(this.#peopleNote, !view.encrypted ? t('eye.people.clear') : member?.self ? t('eye.people.self') : t('eye.people.sealed'));
    setIcon(this.#switch, view.encrypted ? 'unlock' : 'lock');
    const label = this.#switch.querySelector('span');
    if (label) text(label, t(view.encrypted ? 'eye.off' : 'eye.on'));
  }

  close(): void {
    clearInterval(this.#timer);
    this.#decoder.close();
    this.actions.watch(null);
  }

  #options(members: readonly MemberView[], able: readonly EyeTarget[]): void {
    const wanted = able.map((one) => {
      const member = members.find((other) => other.id === one.member);
      const name = member === undefined ? one.member : member.self ? t('tile.you', { name: member.name }) : member.name;
      return { value: `${one.kind}/${one.member}`, label: one.kind === 'screen' ? t('tile.screen', { name }) : name };
    });
    const key = JSON.stringify(wanted);
    if (this.#select.dataset['key'] === key) return;
    this.#select.dataset['key'] = key;
    this.#select.replaceChildren(...wanted.map(({ value, label }) => h('option', { value }, label)));
    if (this.#target !== null) this.#select.value = `${this.#target.kind}/${this.#target.member}`;
  }

  #choose(value: string): void {
    const [kind, ...id] = value.split('/');
    this.#retarget({ kind: kind === 'screen' ? 'screen' : 'video', member: id.join('/') });
    if (this.#view !== undefined) this.update(this.#view);
  }

  #retarget(target: EyeTarget | null): void {
    this.#target = target;
    if (target !== null) this.#select.value = `${target.kind}/${target.member}`;
    this.#decoder.close();
    this.#decoder = this.#newDecoder();
    this.#last = undefined;
    this.#likest = 0;
    this.#samples = [];
    this.#lastPicture = -1e9;
    this.actions.watch(target);
  }

  #newDecoder(): EyeDecoder {
    return new EyeDecoder((frame) => this.#picture(frame));
  }

  /** The decoder made something: show it as it is, and see whether it is the real picture. */
  #picture(frame: VideoFrame): void {
    this.#lastPicture = performance.now();
    if (this.#target !== null) this.actions.picture(frame, this.#target.member);
    const { displayWidth: width, displayHeight: height } = frame;
    const scale = Math.min(1, 1280 / width, 720 / height);
    this.#canvas.width = Math.max(2, Math.round(width * scale));
    this.#canvas.height = Math.max(2, Math.round(height * scale));
    this.#canvas.getContext('2d')?.drawImage(frame, 0, 0, this.#canvas.width, this.#canvas.height);
    this.#picturesAtFrame = this.#decoder.counts.frames;
  }

  #tick(): void {
    const now = performance.now();
    if (this.#real.readyState >= 2) {
      const real = this.#likeness.sample(this.#real);
      if (real !== undefined) this.#samples = [...this.#samples.filter(({ at }) => now - at < 1500), { real, at: now }];
    }
    const verdict = this.#compare(now);
    if (verdict === 'blind' || verdict === 'waiting') this.#drawNoise();
    this.#say(verdict);
  }

  /** The server's copy is a little older than what people see, so it is compared with the last second and a half. */
  #compare(now: number): EyeVerdict {
    if (now - this.#lastPicture < 400) {
      const seen = this.#likeness.sample(this.#canvas);
      const best = seen === undefined ? 0 : Math.max(0, ...this.#samples.map(({ real }) => Likeness.compare(real, seen)));
      this.#likest = this.#likest * 0.5 + best * 0.5;
      // A call in clear whose picture this page cannot open itself still shows what the server has.
      if (this.#samples.length === 0 && this.#view?.encrypted === false) this.#likest = 1;
    }
    return this.verdict;
  }

  /** The frame's own bytes as points: what there is to see when nothing decodes. */
  #drawNoise(): void {
    const frame = this.#last;
    const ctx = this.#noise.getContext('2d');
    const out = this.#canvas.getContext('2d');
    if (frame === undefined || ctx === null || out === null) return;
    if (calm?.matches === true && this.#decoder.counts.frames - this.#picturesAtFrame < 60) return;
    this.#picturesAtFrame = this.#decoder.counts.frames;
    const image = ctx.createImageData(NOISE.width, NOISE.height);
    const { bytes } = frame;
    for (let at = 0; at < NOISE.width * NOISE.height; at += 1) {
      // A small frame repeats, so that the field is always full; the shift keeps the repeats from lining up.
      const value = bytes[(at + Math.floor(at / Math.max(1, bytes.length)) * 37) % Math.max(1, bytes.length)] ?? 0;
      const level = 34 + (value * 132) / 255;
      image.data.set([level * 0.93, level, level * 1.04, 255], at * 4);
    }
    ctx.putImageData(image, 0, 0);
    if (this.#canvas.width !== NOISE.width * 4) {
      this.#canvas.width = NOISE.width * 4;
      this.#canvas.height = NOISE.height * 4;
    }
    out.imageSmoothingEnabled = false;
    out.drawImage(this.#noise, 0, 0, this.#canvas.width, this.#canvas.height);
  }

  #say(verdict: EyeVerdict): void {
    const { frames, pictures, errors, lastError, able, codec } = this.#decoder.counts;
    attr(this.element, 'data-verdict', verdict);
    setIcon(this.#verdict, verdict === 'sees' ? 'eye' : verdict === 'waiting' ? 'clock' : 'eye-off');
    const label = this.#verdict.querySelector('span');
    const words = this.#target === null ? t('eye.novideo') : t(`eye.verdict.${verdict}`);
    if (label) text(label, words);
    attr(this.#canvas, 'aria-label', `${t('eye.server')}: ${words}. ${verdict === 'blind' ? t('eye.noise') : ''}`);
    text(this.#counts, t(pictures === 0 ? 'eye.counts.zero' : 'eye.counts', { frames, pictures, errors }));
    text(this.#decoderWords,
      !able && codec !== undefined ? t('eye.nodecoder', { codec: t(`codec.${codec}`) })
        : lastError !== '' ? t('eye.decoder', { words: lastError })
          : verdict === 'sees' ? t('eye.decoder.fine') : verdict === 'waiting' ? '' : t('eye.decoder.silent'));
    const bytes = this.#last?.bytes ?? new Uint8Array();
    text(this.#hexTitle, bytes.length === 0 ? '' : t('eye.bytes', { size: bytes.length }));
    text(this.#hex, hex(bytes.subarray(0, HEX_BYTES)));
  }
}

function targets(member: MemberView): EyeTarget[] {
  return member.tracks
    .filter((track) => track.kind === 'video' || track.kind === 'screen')
    .map((track) => ({ member: member.id, kind: track.kind }));
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

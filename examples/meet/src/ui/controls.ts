/** The bar at the foot of the call. Every button has a word below it and says its state to a screen reader. */

import { t, type Key } from '../i18n.js';
import { attr, h, text } from './dom.js';
import { icon, setIcon, type IconName } from './icons.js';

export interface ControlsState {
  readonly micOn: boolean;
  readonly cameraOn: boolean;
  readonly sharing: boolean;
  readonly canShare: boolean;
  readonly canRotate: boolean;
  readonly eyeOpen: boolean;
  readonly figuresOpen: boolean;
  readonly peopleOpen: boolean;
  /** There is a group to be shown. */
  readonly hasGroup: boolean;
}

export interface ControlsActions {
  mic(): void;
  camera(): void;
  share(): void;
  eye(): void;
  rotate(): void;
  figures(): void;
  people(): void;
  settings(): void;
  leave(): void;
}

export class Controls {
  readonly element: HTMLElement;
  readonly #buttons: Record<keyof ControlsActions, HTMLButtonElement>;

  constructor(actions: ControlsActions) {
    const make = (name: keyof ControlsActions, picture: IconName, label: Key, extra = ''): HTMLButtonElement =>
      h('button', { type: 'button', class: `control ${extra}`, onclick: () => actions[name]() },
        h('span', { class: 'disc' }, icon(picture)), h('span', { class: 'word' }, t(label)));
    this.#buttons = {
      mic: make('mic', 'mic', 'controls.mic'),
      camera: make('camera', 'camera', 'controls.camera'),
      share: make('share', 'screen', 'controls.share'),
      eye: make('eye', 'eye', 'controls.eye', 'eye-button'),
      rotate: make('rotate', 'rotate', 'controls.rotate'),
      people: make('people', 'people', 'controls.people'),
      figures: make('figures', 'chart', 'controls.figures'),
      settings: make('settings', 'sliders', 'controls.settings'),
      leave: make('leave', 'leave', 'controls.leave', 'leave'),
    };
    this.element = h('div', { class: 'controls', role: 'toolbar', 'aria-label': t('controls.label') }, ...Object.values(this.#buttons));
  }

  update(state: ControlsState): void {
    this.#toggle('mic', state.micOn, 'mic', 'mic-off', state.micOn ? 'controls.mic.on' : 'controls.mic.off');
    this.#toggle('camera', state.cameraOn, 'camera', 'camera-off', state.cameraOn ? 'controls.camera.on' : 'controls.camera.off');
    const word = this.#buttons.share.querySelector('.word');
    if (word) text(word, t(state.sharing ? 'controls.share.stop' : 'controls.share'));
    attr(this.#buttons.share, 'aria-pressed', String(state.sharing));
    this.#buttons.share.disabled = !state.canShare;
    this.#buttons.rotate.disabled = !state.canRotate;
    attr(this.#buttons.eye, 'aria-pressed', String(state.eyeOpen));
    attr(this.#buttons.figures, 'aria-pressed', String(state.figuresOpen));
    this.#buttons.people.hidden = !state.hasGroup;
    attr(this.#buttons.people, 'aria-pressed', String(state.peopleOpen));
  }

  #toggle(name: 'mic' | 'camera', on: boolean, yes: IconName, no: IconName, label: Key): void {
    const button = this.#buttons[name];
    const disc = button.querySelector('.disc');
    if (disc) setIcon(disc, on ? yes : no);
    attr(button, 'data-off', !on);
    attr(button, 'aria-label', t(label));
  }
}

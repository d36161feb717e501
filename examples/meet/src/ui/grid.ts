/** The participants' tiles, as large as the room allows; one row while the server's eye is open. */

import type { MemberView } from '../model.js';
import { h, reconcile } from './dom.js';
import { Tile, type TileKind } from './tile.js';

const RATIO = 16 / 9;
const GAP = 16;

export class Grid {
  readonly element = h('ul', { class: 'grid' });
  readonly #tiles = new Map<string, Tile>();
  readonly #resize = new ResizeObserver(() => this.#layout());

  constructor() {
    this.#resize.observe(this.element);
  }

  update(members: readonly MemberView[]): void {
    const wanted: Element[] = [];
    const seen = new Set<string>();
    const place = (member: MemberView, kind: TileKind): void => {
      const key = `${member.id}/${kind}`;
      const tile = this.#tiles.get(key) ?? new Tile(kind);
      this.#tiles.set(key, tile);
      tile.update(member);
      seen.add(key);
      wanted.push(tile.element);
    };
    for (const member of members) if (member.screen !== null) place(member, 'screen');
    for (const member of members) place(member, 'camera');
    for (const key of this.#tiles.keys()) if (!seen.has(key)) this.#tiles.delete(key);
    reconcile(this.element, wanted);
    this.#layout();
  }

  /** The element that shows a member's camera. */
  video(member: string): HTMLVideoElement | undefined {
    return this.#tiles.get(`${member}/camera`)?.video;
  }

  /** The number of columns that gives the largest 16:9 tiles. */
  #layout(): void {
    const { clientWidth: width, clientHeight: height } = this.element;
    const count = this.element.childElementCount;
    if (count === 0 || width === 0) return;
    let best = 0;
    for (let columns = 1; columns <= count; columns += 1) {
      const rows = Math.ceil(count / columns);
      const wide = (width - GAP * (columns - 1)) / columns;
      const high = (height - GAP * (rows - 1)) / rows;
      best = Math.max(best, Math.min(wide, high * RATIO));
    }
    this.element.style.setProperty('--tile', `${Math.floor(Math.max(best, 200))}px`);
  }

  close(): void {
    this.#resize.disconnect();
  }
}

/** What the address bar asks of this visit, beside the room: all optional, for demonstrations and for tests. */

import { CODECS, SUITES, type Codec, type Suite } from './model.js';

export interface Visit {
  readonly name: string;
  readonly source: 'camera' | 'synthetic' | undefined;
  readonly codec: Codec;
  readonly suite: Suite;
  readonly encrypted: boolean;
  /** Join without the lobby. */
  readonly join: boolean;
  readonly eye: boolean;
  readonly simulcast: boolean;
  readonly svc: boolean;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  /** Tell a server in test mode what the frames held before they were sealed, so that it can look for it. */
  readonly witness: boolean;
  /** Found the room with a lobby: a member must let others in. */
  readonly lobby: boolean;
}

export function readVisit(url: URL): Visit {
  const asked = url.searchParams;
  const source = asked.get('source');
  const [width = 1280, height = 720] = (asked.get('size') ?? '').split('x').map(Number).filter((side) => side >= 160 && side <= 1920);
  const fps = Number(asked.get('fps'));
  return {
    name: (asked.get('name') ?? '').trim().slice(0, 64),
    source: source === 'camera' || source === 'synthetic' ? source : undefined,
    codec: CODECS.find((codec) => codec === asked.get('codec')) ?? 'vp8',
    suite: SUITES.find((suite) => suite === asked.get('suite')) ?? 'aes-128-gcm',
    encrypted: asked.get('e2ee') !== 'off',
    join: asked.has('join'),
    eye: asked.get('eye') !== 'off',
    simulcast: asked.has('simulcast'),
    svc: asked.has('svc'),
    width, height,
    fps: fps >= 1 && fps <= 60 ? fps : 30,
    witness: asked.has('witness'),
    lobby: asked.has('lobby'),
  };
}

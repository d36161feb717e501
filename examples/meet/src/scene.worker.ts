/**
 * Draws the test picture away from the page, so that it keeps moving while its tab is hidden.
 * Gets the writable side of a MediaStreamTrackGenerator.
 */

import { drawScene, type Scene } from './scene.js';

export interface SceneOrder {
  readonly scene: Scene;
  readonly fps: number;
  readonly writable: WritableStream<VideoFrame>;
}

const scope = self as unknown as { onmessage: ((event: MessageEvent<SceneOrder | 'stop'>) => void) | null; close(): void };

scope.onmessage = (event) => {
  if (event.data === 'stop') scope.close();
  else start(event.data);
};

function start({ scene, fps, writable }: SceneOrder): void {
  const canvas = new OffscreenCanvas(scene.width, scene.height);
  const ctx = canvas.getContext('2d', { alpha: false });
  if (ctx === null) return;
  const writer = writable.getWriter();
  let frame = 0;
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    drawScene(ctx, scene, frame, new Date());
    frame += 1;
    const picture = new VideoFrame(canvas, { timestamp: Math.round(performance.now() * 1000) });
    writer.write(picture).then(
      () => { busy = false; },
      () => { clearInterval(timer); scope.close(); },
    );
  }, 1000 / fps);
}

/** The test picture: a name, a clock and calm motion. Drawn in a worker where possible, in the page where not. */

import { drawMarker, hashName } from './marker.js';

export type Context2D = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

export interface Scene {
  readonly name: string;
  readonly width: number;
  readonly height: number;
}

const FONT = '"Inter", system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif';

export function drawScene(ctx: Context2D, scene: Scene, frame: number, now: Date): void {
  const { width: w, height: h, name } = scene;
  const seconds = now.getTime() / 1000;
  const hue = hueOf(name);
  const sky = ctx.createLinearGradient(0, 0, w * 0.3, h);
  sky.addColorStop(0, `hsl(${hue} 46% 38%)`);
  sky.addColorStop(1, `hsl(${(hue + 22) % 360} 44% 20%)`);
  ctx.fillStyle = sky;
  ctx.fillRect(0, 0, w, h);

  hills(ctx, w, h, hue, seconds);
  planet(ctx, w, h, hue, seconds, name);

  ctx.fillStyle = 'rgba(255,255,255,.94)';
  ctx.textBaseline = 'alphabetic';
  ctx.textAlign = 'left';
  ctx.font = `600 ${fit(ctx, name, w * 0.44, h * 0.13)}px ${FONT}`;
  ctx.fillText(name, w * 0.47, h * 0.46);
  ctx.font = `400 ${h * 0.078}px ${FONT}`;
  ctx.fillStyle = 'rgba(255,255,255,.8)';
  const clock = now.toTimeString().slice(0, 8);
  ctx.fillText(`${clock}.${Math.floor(now.getMilliseconds() / 100)}`, w * 0.47, h * 0.58);

  drawMarker(ctx, w, h, { sender: hashName(name), frame });
}

/** Three ridges that drift at different speeds. */
function hills(ctx: Context2D, w: number, h: number, hue: number, seconds: number): void {
  for (let layer = 0; layer < 3; layer += 1) {
    ctx.beginPath();
    ctx.moveTo(0, h);
    for (let x = 0; x <= w; x += w / 32) {
      const phase = x / w * (3 + layer) + seconds * (0.18 + layer * 0.14) + layer * 2;
      ctx.lineTo(x, h * (0.72 + layer * 0.08) + Math.sin(phase) * h * 0.045 + Math.sin(phase * 2.3) * h * 0.015);
    }
    ctx.lineTo(w, h);
    ctx.closePath();
    ctx.fillStyle = `hsl(${(hue + layer * 14) % 360} 40% ${30 - layer * 7}% / .75)`;
    ctx.fill();
  }
}

/** A disc with the initials, and a moon that circles it once in six seconds. */
function planet(ctx: Context2D, w: number, h: number, hue: number, seconds: number, name: string): void {
  const x = w * 0.26;
  const y = h * 0.44;
  const radius = h * 0.19;
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, Math.PI * 2);
  ctx.fillStyle = `hsl(${(hue + 8) % 360} 58% 80%)`;
  ctx.fill();
  ctx.fillStyle = `hsl(${hue} 55% 18%)`;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  ctx.font = `600 ${radius * 0.8}px ${FONT}`;
  ctx.fillText(initials(name), x, y + radius * 0.05);

  const turn = (seconds / 6) * Math.PI * 2;
  ctx.beginPath();
  ctx.arc(x, y, radius * 1.36, 0, Math.PI * 2);
  ctx.strokeStyle = 'rgba(255,255,255,.25)';
  ctx.lineWidth = Math.max(1, h / 360);
  ctx.stroke();
  ctx.beginPath();
  ctx.arc(x + Math.cos(turn) * radius * 1.36, y + Math.sin(turn) * radius * 1.36, radius * 0.14, 0, Math.PI * 2);
  ctx.fillStyle = 'rgba(255,255,255,.92)';
  ctx.fill();
}

/** The largest font size up to `height` at which `words` fits into `width`. */
function fit(ctx: Context2D, words: string, width: number, height: number): number {
  ctx.font = `600 ${height}px ${FONT}`;
  const measured = ctx.measureText(words).width;
  return measured <= width ? height : Math.max(height / 3, (height * width) / measured);
}

export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter((word) => word !== '');
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0]];
  return letters.map((word) => [...(word ?? '?')][0] ?? '?').join('').toLocaleUpperCase();
}

/** Hues of the test pictures; none of the red and green that mean something in this page. */
const HUES = [204, 228, 262, 290, 322, 34, 188, 246];

export function hueOf(name: string): number {
  return HUES[Math.imul(hashName(name), 0x9e37) >>> 9 & 7] ?? 204;
}

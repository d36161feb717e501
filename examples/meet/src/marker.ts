/**
 * A small picture code in the test picture: who drew it and which frame it is.
 *
 * A person recognises a face; a program needs something to recognise, so that "the decoder made
 * a picture" and "the decoder made this sender's picture" are not confused. 48 cells in two rows, dark
 * is 0 and light is 1: 16 bits of the sender's name hash, 16 bits of frame number, 16 bits of CRC over both.
 */

const COLUMNS = 24;
const ROWS = 2;
/** The code's place, as parts of the picture's width and height. */
const PLACE = { left: 0.035, top: 0.055, width: 0.24, height: 0.036 };

/** Nothing brighter than this: levels of black as decoders give it. */
const BLACK = 12;

export interface Marker {
  readonly sender: number;
  readonly frame: number;
}

type Context2D = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

export function drawMarker(ctx: Context2D, width: number, height: number, marker: Marker): void {
  const left = width * PLACE.left;
  const top = height * PLACE.top;
  const cellWidth = (width * PLACE.width) / COLUMNS;
  const cellHeight = (height * PLACE.height) / ROWS;
  ctx.fillStyle = '#101418';
  ctx.fillRect(left - cellWidth / 2, top - cellHeight / 4, cellWidth * (COLUMNS + 1), cellHeight * (ROWS + 0.5));
  ctx.fillStyle = '#f4f6f4';
  bits(marker).forEach((bit, at) => {
    if (bit === 0) return;
    ctx.fillRect(left + (at % COLUMNS) * cellWidth, top + Math.floor(at / COLUMNS) * cellHeight, cellWidth, cellHeight);
  });
}

/** Reads the code from a decoded picture; `black` where all of it is dark, undefined when there is no code. */
export function readMarker(picture: CanvasImageSource, width: number, height: number, scratch: OffscreenCanvas): Marker | 'black' | undefined {
  if (width < 160 || height < 90) return undefined;
  const w = Math.round(width * PLACE.width);
  const h = Math.round(height * PLACE.height);
  scratch.width = w;
  scratch.height = h;
  const ctx = scratch.getContext('2d', { willReadFrequently: true });
  if (ctx === null) return undefined;
  ctx.drawImage(picture, width * PLACE.left, height * PLACE.top, w, h, 0, 0, w, h);
  const { data } = ctx.getImageData(0, 0, w, h);
  const read: number[] = [];
  for (let at = 0; at < COLUMNS * ROWS; at += 1) {
    const x = Math.floor((((at % COLUMNS) + 0.5) * w) / COLUMNS);
    const y = Math.floor(((Math.floor(at / COLUMNS) + 0.5) * h) / ROWS);
    const offset = (y * w + x) * 4;
    read.push(((data[offset] ?? 0) + (data[offset + 1] ?? 0) + (data[offset + 2] ?? 0)) / 3);
  }
  if (Math.max(...read) < BLACK) return 'black';
  if (Math.max(...read) - Math.min(...read) < 60) return undefined;
  const middle = (Math.max(...read) + Math.min(...read)) / 2;
  const number = (from: number): number => read.slice(from, from + 16).reduce((sum, level) => sum * 2 + (level > middle ? 1 : 0), 0);
  const marker = { sender: number(0), frame: number(16) };
  return number(32) === crc(marker) ? marker : undefined;
}

/** 16 bits that stand for a name (FNV-1a, folded). */
export function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return (hash ^ (hash >>> 16)) & 0xffff;
}

function bits(marker: Marker): number[] {
  return [marker.sender, marker.frame & 0xffff, crc(marker)].flatMap((word) =>
    Array.from({ length: 16 }, (_, at) => (word >> (15 - at)) & 1),
  );
}

/** CRC-16/CCITT-FALSE; its start value makes a black picture invalid. */
function crc({ sender, frame }: Marker): number {
  let value = 0xffff;
  for (const byte of [sender >> 8, sender & 0xff, (frame >> 8) & 0xff, frame & 0xff]) {
    value ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) value = (value & 0x8000) !== 0 ? ((value << 1) ^ 0x1021) & 0xffff : (value << 1) & 0xffff;
  }
  return value;
}

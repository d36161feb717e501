/** Line icons on a 24 by 24 grid, drawn for this page. */

const PATHS = {
  lock: ['M7 11V8a5 5 0 0 1 10 0v3', 'M5.5 11h13v9h-13z', 'M12 14.5v2.2'],
  unlock: ['M7 11V8a5 5 0 0 1 9.6-2', 'M5.5 11h13v9h-13z', 'M12 14.5v2.2'],
  alert: ['M12 4 21 19.5H3z', 'M12 10v4.2', 'M12 16.8v.2'],
  clock: ['M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16z', 'M12 8v4.4l2.8 1.7'],
  mic: ['M12 3.5a2.8 2.8 0 0 0-2.8 2.8v5a2.8 2.8 0 0 0 5.6 0v-5A2.8 2.8 0 0 0 12 3.5z', 'M6 11a6 6 0 0 0 12 0', 'M12 17v3.5'],
  'mic-off': ['M14.8 10V6.3a2.8 2.8 0 0 0-5.4-1', 'M9.2 9.5v1.8a2.8 2.8 0 0 0 4.6 2.1', 'M6 11a6 6 0 0 0 9.6 4.8M18 11a6 6 0 0 1-.6 2.6', 'M12 17v3.5', 'M4 4l16 16'],
  camera: ['M3.5 7h11v10h-11z', 'M14.5 11 20.5 7.5v9L14.5 13z'],
  'camera-off': ['M7.5 7h7v7M14.5 17h-11V7h.5', 'M14.5 11 20.5 7.5v9', 'M4 4l16 16'],
  screen: ['M3.5 5h17v11h-17z', 'M9 20h6', 'M12 13.2V8M9.6 10.2 12 7.8l2.4 2.4'],
  eye: ['M2.8 12S6.2 5.8 12 5.8 21.2 12 21.2 12 17.8 18.2 12 18.2 2.8 12 2.8 12z', 'M12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z'],
  'eye-off': ['M9.4 6.2A9 9 0 0 1 12 5.8c5.8 0 9.2 6.2 9.2 6.2a16 16 0 0 1-2.9 3.6', 'M6 7.9A16 16 0 0 0 2.8 12S6.2 18.2 12 18.2a8.8 8.8 0 0 0 4-.9', 'M10 10a2.8 2.8 0 0 0 4 4', 'M4 4l16 16'],
  rotate: ['M19.5 12a7.5 7.5 0 1 1-2.3-5.4', 'M19.5 3.5v4h-4'],
  people: ['M9 5a3.2 3.2 0 1 0 0 6.4A3.2 3.2 0 0 0 9 5z', 'M3 19.5c0-6 12-6 12 0', 'M16.5 6.2a2.7 2.7 0 0 1 0 5.2', 'M17 14.6c2.6.4 4 2.2 4 4.9'],
  chart: ['M4 20V4', 'M4 20h16', 'M8.5 16v-4M12.5 16V8M16.5 16v-6'],
  sliders: ['M4 7h9M17 7h3M4 17h3M11 17h9', 'M15 5v4M9 15v4', 'M4 12h3M11 12h9M9 10v4'],
  leave: ['M3.5 13.5c0-5 17-5 17 0v2.2l-4.3-.8v-2.5a13 13 0 0 0-8.4 0v2.5l-4.3.8z'],
  link: ['M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1', 'M14 10a4 4 0 0 0-5.7 0l-3 3A4 4 0 0 0 11 18.7l1-1'],
  close: ['M6 6l12 12M18 6 6 18'],
  copy: ['M9 9h10v10H9z', 'M5 15V5h10'],
  theme: ['M12 4a8 8 0 1 0 8 8 6 6 0 0 1-8-8z'],
  check: ['M5 12.5 10 17.5 19.5 7'],
} as const;

export type IconName = keyof typeof PATHS;

export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', 'icon');
  svg.dataset['icon'] = name;
  for (const d of PATHS[name]) {
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    path.setAttribute('d', d);
    svg.append(path);
  }
  return svg;
}

/** Swaps the icon inside `holder` when it differs. */
export function setIcon(holder: Element, name: IconName): void {
  const old = holder.querySelector<SVGSVGElement>('svg.icon');
  if (old?.dataset['icon'] === name) return;
  const next = icon(name);
  if (old) old.replaceWith(next);
  else holder.prepend(next);
}

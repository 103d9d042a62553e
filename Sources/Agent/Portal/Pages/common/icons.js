// The icons: strokes on a grid of 20 units, in the colour of the text beside them. Icons are never the only carrier of a meaning.
const PATHS = {
  account: 'M10 10.5a3.25 3.25 0 1 0 0-6.5 3.25 3.25 0 0 0 0 6.5ZM3.5 17c.8-3 3.3-4.5 6.5-4.5s5.7 1.5 6.5 4.5',
  arrow: 'M4 10h12M11 5l5 5-5 5',
  back: 'M16 10H4M9 5l-5 5 5 5',
  check: 'M4 10.5l4 4 8-9',
  chevron: 'M5.5 8l4.5 4.5L14.5 8',
  clipboard: 'M7 4.5H5.5a1 1 0 0 0-1 1V16a1 1 0 0 0 1 1h9a1 1 0 0 0 1-1V5.5a1 1 0 0 0-1-1H13M7.5 3h5v3h-5zM7.5 10h5M7.5 13h3.5',
  close: 'M5 5l10 10M15 5L5 15',
  display: 'M3 4.5h14v9H3zM10 13.5V17M6.5 17h7',
  end: 'M10 3v7M5.8 5.5a6.2 6.2 0 1 0 8.4 0',
  ended: 'M6.5 6.5h7v7h-7z',
  eye: 'M2.5 10S5 5 10 5s7.5 5 7.5 5-2.5 5-7.5 5-7.5-5-7.5-5ZM10 12.25a2.25 2.25 0 1 0 0-4.5 2.25 2.25 0 0 0 0 4.5Z',
  eyeOff: 'M4 4l12 12M8 5.25A8 8 0 0 1 10 5c5 0 7.5 5 7.5 5a13 13 0 0 1-2.2 2.8M12.5 14.5A7.5 7.5 0 0 1 10 15c-5 0-7.5-5-7.5-5A13 13 0 0 1 5.5 6.5',
  failed: 'M10 3.5l7.5 13h-15zM10 8.5v3.5M10 14.2v.1',
  fullscreen: 'M3.5 7.5v-4h4M16.5 7.5v-4h-4M3.5 12.5v4h4M16.5 12.5v4h-4',
  keyboard: 'M2.5 5.5h15v9h-15zM5.5 8.5h.1M8.5 8.5h.1M11.5 8.5h.1M14.5 8.5h.1M6.5 11.5h7',
  keys: 'M3 6h5v5H3zM12 6h5v5h-5zM7.5 13.5h5',
  log: 'M5 3h7l3.5 3.5V17H5zM12 3v3.5h3.5M7.5 10h5M7.5 13h5',
  logout: 'M8 3.5H4.5v13H8M12 6.5l4 3.5-4 3.5M16 10H8',
  more: 'M4.5 10h.1M10 10h.1M15.5 10h.1',
  pencil: 'M4 16l.8-3.5L13.5 4l2.5 2.5-8.5 8.7zM11.5 6l2.5 2.5',
  people: 'M7 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM2 15.5c.5-2.5 2.3-4 5-4s4.5 1.5 5 4M13 5a2.3 2.3 0 0 1 0 4.4M14.5 12c1.9.4 3.1 1.6 3.5 3.5',
  plus: 'M10 4v12M4 10h12',
  refresh: 'M16 10a6 6 0 1 1-1.8-4.3L16 7.5M16 3.5v4h-4',
  remove: 'M4 6h12M8 6V4h4v2M5.5 6l.7 11h7.6l.7-11M8.5 9v5M11.5 9v5',
  running: 'M7 5l8 5-8 5z',
  search: 'M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM13 13l4 4',
  send: 'M3.5 10L16.5 4l-4 12.5-3-5.5z',
  servers: 'M3.5 3.5h13v5h-13zM3.5 11.5h13v5h-13zM6.5 6h.1M6.5 14h.1',
  starting: 'M10 3v3M10 14v3M3 10h3M14 10h3M5 5l2.1 2.1M12.9 12.9L15 15M5 15l2.1-2.1M12.9 7.1L15 5',
  unplug: 'M8 3v4M12 3v4M6 7h8v2.5a4 4 0 0 1-8 0zM10 13.5V17',
};

export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 20 20');
  svg.setAttribute('class', `icon icon-${name}`);
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', PATHS[name]);
  svg.append(path);
  return svg;
}

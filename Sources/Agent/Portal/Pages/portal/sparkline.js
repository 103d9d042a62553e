// A small line of the last hour's values, with the same in words for those who do not see it.
import { el } from '../common/dom.js';
import { duration } from '../common/format.js';

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 72, HEIGHT = 18, MARGIN = 2;

/** So many points may be missing without a gap in the line: a member may tell of itself less often than a point is taken. */
const MISSING_MAX = 2;

/**
 * The line of a list of numbers, null where one is missing; nothing where there are fewer than two.
 * `max` is at the top unless a value is greater; `words` makes a text of a number.
 */
export function sparkline(name, points, stepSeconds, max, words) {
  const known = points.filter((value) => value !== null);
  if (known.length < 2) return null;
  const top = Math.max(max, ...known);
  const x = (index) => MARGIN + (index * (WIDTH - 2 * MARGIN)) / Math.max(1, points.length - 1);
  const y = (value) => HEIGHT - MARGIN - (Math.max(0, value) * (HEIGHT - 2 * MARGIN)) / (top || 1);
  let path = '', last = -Infinity;
  points.forEach((value, index) => {
    if (value === null) return;
    path += `${index - last > MISSING_MAX + 1 ? 'M' : 'L'}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
    last = index;
  });
  const drawing = document.createElementNS(SVG, 'svg');
  drawing.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
  drawing.setAttribute('aria-hidden', 'true');
  drawing.append(document.createElementNS(SVG, 'path'));
  drawing.firstChild.setAttribute('d', path);
  const text = `${name} in the last ${duration(points.length * stepSeconds)}: from ${words(Math.min(...known))} to ${words(Math.max(...known))}`;
  return el('span', { class: 'spark', role: 'img', 'aria-label': text, title: text }, drawing);
}

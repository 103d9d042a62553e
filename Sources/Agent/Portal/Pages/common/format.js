// Times, sizes and shares as words for people.
const MINUTE = 60, HOUR = 3600, DAY = 86400;

const FULL_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** A duration in its largest unit: "40 s", "12 min", "5 h", "3 days". */
export function duration(seconds) {
  if (seconds < MINUTE) return `${Math.max(0, Math.floor(seconds))} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < 2 * DAY) return `${Math.floor(seconds / HOUR)} h`;
  return `${Math.floor(seconds / DAY)} days`;
}

export const fullTime = (text) => FULL_TIME.format(new Date(text));

/** How long ago a time of the API was; a clock that runs ahead counts as now. */
export function ago(text, now = Date.now()) {
  const seconds = (now - Date.parse(text)) / 1000;
  return seconds < 10 ? 'just now' : `${duration(seconds)} ago`;
}

/** A <time> element's attributes and text in one place; `since` leaves out the "ago". */
export function showTime(element, text, { since = false } = {}) {
  element.dateTime = text ?? '';
  element.title = text ? fullTime(text) : '';
  element.textContent = !text ? '–' : since ? duration((Date.now() - Date.parse(text)) / 1000) : ago(text);
}

export function bytes(count) {
  if (count === null || count === undefined) return '–';
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let value = count, unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function percent(value) {
  if (value === null || value === undefined) return '–';
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} %`;
}

export const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

/** "Firefox on Linux": what a user can recognise in a User-Agent header. */
export function browserName(userAgent) {
  const text = userAgent ?? '';
  const browser = [['Edg/', 'Edge'], ['OPR/', 'Opera'], ['Firefox/', 'Firefox'], ['Chrome/', 'Chrome'], ['Safari/', 'Safari']]
    .find(([mark]) => text.includes(mark))?.[1];
  const system = [['Android', 'Android'], ['iPhone', 'iPhone'], ['iPad', 'iPad'], ['Windows', 'Windows'], ['Mac OS X', 'macOS'],
    ['CrOS', 'ChromeOS'], ['Linux', 'Linux']].find(([mark]) => text.includes(mark))?.[1];
  return [browser ?? (text.slice(0, 40) || 'Unknown program'), system && `on ${system}`].filter(Boolean).join(' ');
}

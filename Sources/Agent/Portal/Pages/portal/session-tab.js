// The tab of a session: its address and its name, by which the browser finds the tab again.

export const sessionAddress = (id) => `/session/${encodeURIComponent(id)}`;
export const sessionTab = (id) => `fastx-${id}`;

/** Opens an empty tab at once, as browsers allow it during a click only; null when they do not allow it at all. */
export function openWaitingTab(text) {
  const tab = window.open('', '_blank');
  if (!tab) return null;
  tab.document.title = text;
  tab.document.documentElement.style.colorScheme = 'light dark';
  tab.document.body.style.font = '16px system-ui, sans-serif';
  tab.document.body.style.padding = '2rem';
  tab.document.body.textContent = text;
  return tab;
}

/** Shows a session in the tab that waited for it, or in this one. */
export function showSession(id, tab) {
  if (!tab || tab.closed) {
    location.assign(sessionAddress(id));
    return;
  }
  tab.name = sessionTab(id);
  tab.location.replace(sessionAddress(id));
}

// Ctrl+Alt+Shift, pressed and released without another key, calls for the toolbar. It acts at the release, so that the
// desktop sees every modifier go up and none stays down there; with another key it is the desktop's own shortcut.

const MODIFIERS = ['Control', 'Alt', 'Shift', 'Meta', 'AltGraph'];

export function onMenuKeys(action) {
  let armed = false;
  window.addEventListener('keydown', (event) => {
    if (!MODIFIERS.includes(event.key)) armed = false;
    else if (event.ctrlKey && event.altKey && event.shiftKey && !event.repeat) armed = true;
  }, true);
  window.addEventListener('keyup', (event) => {
    if (!armed || event.ctrlKey || event.altKey || event.shiftKey) return;
    armed = false;
    // After the desktop's own listeners, which send the release.
    setTimeout(action);
  }, true);
  window.addEventListener('blur', () => { armed = false; });
}

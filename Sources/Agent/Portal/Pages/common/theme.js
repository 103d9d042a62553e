// The choice of theme: as the system says, light or dark. theme-early.js applies it when a page is loaded.
import { choices } from './dom.js';
import { read, write } from './preferences.js';

export function themeChoice() {
  return choices('Theme', 'theme', [['system', 'System'], ['light', 'Light'], ['dark', 'Dark']], read('theme', 'system'),
    (theme) => {
      write('theme', theme === 'system' ? null : theme);
      if (theme === 'system') delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = theme;
    });
}

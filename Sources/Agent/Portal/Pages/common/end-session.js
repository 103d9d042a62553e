// The question before a session is ended, the same on every page.
import * as api from './api.js';
import { confirm } from './dialog.js';
import { attempt } from './notices.js';

export async function endSession({ id, name, hostname }) {
  const sure = await confirm(`End “${name}”?`,
    `Its programs on ${hostname} are closed, and work that is not saved there is lost. To leave it running, close its tab instead.`,
    'End session');
  return sure && attempt(() => api.deleteSession(id));
}

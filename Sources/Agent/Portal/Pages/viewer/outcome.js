// What comes of a lost or refused connection: pure rules, so that the page's network code has only one place to look.

const FIRST_WAIT_MILLISECONDS = 500, LAST_WAIT_MILLISECONDS = 10_000;

/** A connection that held so long counts as good: the next wait begins small again. */
export const STEADY_MILLISECONDS = 5_000;

/** The close codes of the display that say what happened; `broken` is the browser's own. */
export const CODE = { ended: 1000, restart: 1001, broken: 1006, loggedOut: 4401, noSession: 4404, takenOver: 4409, sessionEnded: 4410 };

export const waitMilliseconds = (failureCount) => Math.min(LAST_WAIT_MILLISECONDS, FIRST_WAIT_MILLISECONDS * 2 ** (failureCount - 1));

/** Why the page must not try again after a close code, or null: then the session itself has to be asked. */
export function outcomeOfClose(code) {
  if (code === CODE.loggedOut) return { kind: 'loggedOut' };
  if (code === CODE.takenOver) return { kind: 'takenOver' };
  return null;
}

/** What the API's answer about the session means for the page: `connect`, `wait`, or why not. */
export function outcomeOfSession(session) {
  if (session.state === 'ended' || session.state === 'failed') return { kind: 'over', session };
  if (session.state === 'starting') return { kind: 'starting', session };
  return { kind: 'connect', session };
}

export function outcomeOfProblem(problem) {
  if (problem.status === 401) return { kind: 'loggedOut' };
  if (problem.status === 404) return { kind: 'missing' };
  if (problem.status === 403) return { kind: 'refused', text: problem.message };
  return { kind: 'unreachable', text: problem.message };
}

/** Why the connection was lost, as a sentence. */
export function lossText(code, hostname, isOnline) {
  if (!isOnline) return 'This computer is offline.';
  if (code === CODE.restart) return `${hostname} restarts its agent. The session goes on.`;
  return `The connection to ${hostname} was lost. The session goes on.`;
}

/** How the connection to a session's host runs, in short and as a sentence; `here` is the host of this page. */
export function connectionTexts(isDirect, hostname, here) {
  if (isDirect) return ['Direct', `The connection runs from this browser straight to ${hostname}.`];
  return [`Through ${here}`, `The connection to ${hostname} runs through ${here}.`];
}

export function overText({ state, reason, exitStatus, command }) {
  const status = exitStatus === null || exitStatus === undefined ? '' : `Exit status ${exitStatus}.`;
  const sentence = reason ? (/[.!?]$/.test(reason) ? reason : `${reason}.`) : state === 'failed' ? `“${command}” failed.` : `“${command}” has ended.`;
  return [sentence, status].filter(Boolean).join(' ');
}

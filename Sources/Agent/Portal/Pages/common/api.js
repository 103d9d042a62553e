// The one way to the API: JSON, the CSRF token, and problems as errors whose message is a sentence for people.
import { duration } from './format.js';

const BASE = '/api/v1';

/** How long an answer may take. To start a session takes longer: a member may have to be waited for. */
const ANSWER_MILLISECONDS = 30_000, START_MILLISECONDS = 120_000;

/** What an answer outside 200 to 299 said; status 0 when there was no answer. */
export class Problem extends Error {
  constructor(status, { title, detail, reason, serverId } = {}) {
    super(detail || title || `The server answered with status ${status}.`);
    this.status = status;
    this.reason = reason ?? '';
    this.serverId = serverId ?? null;
  }
}

/** Sends `loggedout` when the API says that nobody is logged in. */
export const account = new EventTarget();

let csrfToken = null;

async function fetchAnswer(method, path, body, signal) {
  const headers = { Accept: 'application/json, application/problem+json;q=0.9, */*;q=0.5' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (method !== 'GET' && csrfToken) headers['X-CSRF-Token'] = csrfToken;
  try {
    return await fetch(BASE + path, {
      method, headers, signal, credentials: 'same-origin', cache: 'no-store',
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    const late = error.name === 'TimeoutError';
    throw new Problem(0, {
      reason: late ? 'timeout' : 'unreachable',
      detail: late ? 'The server did not answer in time. Try again.' : 'The server cannot be reached. Check your network and try again.',
    });
  }
}

async function problemOf(answer) {
  const problem = new Problem(answer.status, (await answer.json().catch(() => null)) ?? {});
  const seconds = Number(answer.headers.get('Retry-After'));
  if (answer.status === 429 && seconds && !/\d/.test(problem.message)) problem.message += ` Try again in ${duration(seconds)}.`;
  return problem;
}

async function request(method, path, { body, milliseconds = ANSWER_MILLISECONDS, loggingIn = false } = {}) {
  const signal = () => AbortSignal.timeout(milliseconds);
  let answer = await fetchAnswer(method, path, body, signal());
  // Another tab may have logged in again since: then its token is the valid one, and the call is made once more.
  if (answer.status === 403 && method !== 'GET' && !loggingIn) {
    const old = csrfToken;
    await me();
    if (csrfToken !== old) answer = await fetchAnswer(method, path, body, signal());
  }
  if (answer.ok) return answer;
  const problem = await problemOf(answer);
  if (answer.status === 401 && !loggingIn) {
    csrfToken = null;
    account.dispatchEvent(new Event('loggedout'));
  }
  throw problem;
}

const json = async (...call) => (await request(...call)).json();
const nothing = async (...call) => void await request(...call);
const sessionPath = (id) => `/sessions/${encodeURIComponent(id)}`;

async function loginStep(path, body, milliseconds) {
  const answer = await json('POST', path, { body, milliseconds, loggingIn: true });
  if (answer.csrfToken) csrfToken = answer.csrfToken;
  return answer;
}

export async function me() {
  const answer = await json('GET', '/me');
  csrfToken = answer.csrfToken;
  return answer;
}

export const loginWays = () => json('GET', '/login', { loggingIn: true });
export const login = (credentials) => loginStep('/login', credentials);
/** The next question, or what the last answer came to: a login, or the session whose start waited for it. */
export const answerPrompt = (attempt, answer) => loginStep(`/login/${encodeURIComponent(attempt)}`, { answer }, START_MILLISECONDS);
export const cancelAttempt = (attempt) => nothing('DELETE', `/login/${encodeURIComponent(attempt)}`, { loggingIn: true });
export const logout = () => nothing('DELETE', '/login');
export const logoutEverywhere = () => nothing('DELETE', '/logins');

export const logins = async () => (await json('GET', '/logins')).logins;
export const endLogin = (id) => nothing('DELETE', `/logins/${encodeURIComponent(id)}`);
export const servers = async () => (await json('GET', '/servers')).servers;
/** A server's last hour; nothing where the member that is asked has not heard of it yet. */
export async function serverHistory(id) {
  try {
    return await json('GET', `/servers/${encodeURIComponent(id)}/history`);
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}
/** The commands that a session may be started with, and whether the user may choose its server. */
export const startChoices = () => json('GET', '/commands');
/** How a server was chosen. */
export const placement = (id) => json('GET', `/placements/${encodeURIComponent(id)}`);

export const sessions = async () => (await json('GET', '/sessions')).sessions;
export const session = (id) => json('GET', sessionPath(id));
/** The session; or, where the host has no process of the user that starts sessions, its question, as when logging in. */
export const startSession = (body) => json('POST', '/sessions', { body, milliseconds: START_MILLISECONDS });
export const renameSession = (id, name) => nothing('PATCH', sessionPath(id), { body: { name } });
export const deleteSession = (id) => nothing('DELETE', sessionPath(id));
export const ticket = (id) => json('POST', `${sessionPath(id)}/tickets`);
export const disconnectViewers = (id) => nothing('POST', `${sessionPath(id)}/disconnect`);
export const screenshot = async (id) => (await request('GET', `${sessionPath(id)}/screenshot?width=480`)).blob();
export const sessionLog = async (id) => (await request('GET', `${sessionPath(id)}/log`)).text();

export const logAddress = (id) => `${BASE}${sessionPath(id)}/log`;
export const eventsAddress = `${BASE}/events`;
export const displayAddress = (id) => `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${BASE}${sessionPath(id)}/display`;

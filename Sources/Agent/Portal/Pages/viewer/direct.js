// Opens displays directly: from this browser straight to the member that has the session, where that works at once.
// Where it does not, the display comes through the member that this page is from, and the tab does not try again.
import * as api from '../common/api.js';

/** For the ticket and the first bytes of the display together: so short a wait is not noticed. */
const DIRECT_MILLISECONDS = 1_500;

const storageName = (serverId) => `fastx.indirect.${serverId}`;

/** The server ids of the members that could not be reached directly; for a browser without storage. */
const failed = new Set();

function hasFailed(serverId) {
  try {
    return failed.has(serverId) || sessionStorage.getItem(storageName(serverId)) !== null;
  } catch {
    return failed.has(serverId);
  }
}

/** Notes that a member cannot be reached directly, for as long as the tab is there. */
export function rememberFailure(serverId) {
  failed.add(serverId);
  try {
    sessionStorage.setItem(storageName(serverId), 'yes');
  } catch {
    // Storage is full or forbidden: until the page is loaded anew.
  }
}

/** Resolves with the socket when the display has sent its first bytes, rejects when it is refused. The display speaks
 * first; what it says is kept for noVNC, which comes later. */
function firstBytes(socket) {
  const early = [];
  socket.binaryType = 'arraybuffer';
  return new Promise((resolve, reject) => {
    // A connection that the page's policy forbids has an error and no close.
    socket.onclose = socket.onerror = reject;
    socket.onmessage = (message) => {
      early.push(message);
      resolve({ socket, early });
    };
  });
}

/** The first of the addresses that answers in time, or null. A ticket is good once, so the others are refused. */
async function tryAddresses({ ticket, urls }, tooLate) {
  let sockets = [], opened = null;
  try {
    sockets = urls.map((url) => new WebSocket(url, ['binary', `fastx-ticket.${ticket}`]));
    opened = await Promise.race([Promise.any(sockets.map(firstBytes)), tooLate]);
  } catch {
    // Not reached, not trusted, or refused: it makes no difference why.
  }
  for (const socket of sockets) if (socket !== opened?.socket) socket.close();
  return opened;
}

/**
 * Tries to open the display of a session directly. `isDirect` says whether the connection runs so; at another member it is
 * open then, as `socket`, and `early` are the messages that have come. Otherwise the page's own member has to be asked.
 */
export async function openDirectly({ id, serverId }) {
  if (hasFailed(serverId)) return { isDirect: false };
  const tooLate = new Promise((resolve) => setTimeout(resolve, DIRECT_MILLISECONDS, null));
  let offer;
  try {
    offer = await Promise.race([api.ticket(id), tooLate]);
  } catch {
    // What is wrong is told where it stops the display as well.
    return { isDirect: false };
  }
  // Nobody carries what this page asks for: its own member has the session.
  if (offer && offer.carrier === null) return { isDirect: true };
  if (offer?.urls.length === 0) return { isDirect: false };
  const opened = offer && await tryAddresses(offer, tooLate);
  if (opened) return { isDirect: true, ...opened };
  rememberFailure(serverId);
  return { isDirect: false };
}

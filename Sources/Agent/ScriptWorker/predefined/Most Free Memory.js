// Chooses the server with the most free memory in bytes; of several of these the one with the fewest sessions, then the one whose
// id comes first. Looks at "freemem"; a server that does not tell it has none. Goes on to the next script where no server is left.
function mostFreeMemory(input) {
  const free = (server) => Number(server.freemem) || 0;
  const sessions = (server) => Number(server.sessions) || 0;
  const compare = (a, b) =>
    free(b) - free(a) || sessions(a) - sessions(b) || (a.serverId < b.serverId ? -1 : 1);
  const best = input.servers.reduce((best, server) => (best && compare(best, server) < 0 ? best : server), undefined);
  return best && best.serverId;
}

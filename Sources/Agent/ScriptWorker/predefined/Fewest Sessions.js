// Chooses the server with the fewest sessions; of several of these the one whose id comes first.
// Looks at "sessions". Goes on to the next script where no server is left.
function fewestSessions(input) {
  const sessions = (server) => Number(server.sessions) || 0;
  const compare = (a, b) => sessions(a) - sessions(b) || (a.serverId < b.serverId ? -1 : 1);
  const best = input.servers.reduce((best, server) => (best && compare(best, server) < 0 ? best : server), undefined);
  return best && best.serverId;
}

// Chooses a server where the user is logged in on the host: of several the one with the fewest sessions, then the one whose
// id comes first. Looks at "loggedInUsers" of the servers. Goes on to the next script where he is logged in on none.
function findLoggedIn(input) {
  const login = input.user && input.user.login;
  const sessions = (server) => Number(server.sessions) || 0;
  const compare = (a, b) => sessions(a) - sessions(b) || (a.serverId < b.serverId ? -1 : 1);
  const best = input.servers
    .filter((server) => Array.isArray(server.loggedInUsers) && server.loggedInUsers.includes(login))
    .reduce((best, server) => (best && compare(best, server) < 0 ? best : server), undefined);
  return best && best.serverId;
}

// Chooses the server with a GPU that has the fewest sessions; of several of these the one whose id comes first.
// A server has a GPU if its static data says so: "gpu": true, a number or a model. Goes on to the next script where none has.
function getGPU(input) {
  const sessions = (server) => Number(server.sessions) || 0;
  const compare = (a, b) => sessions(a) - sessions(b) || (a.serverId < b.serverId ? -1 : 1);
  const best = input.servers
    .filter((server) => server.staticData && server.staticData.gpu)
    .reduce((best, server) => (best && compare(best, server) < 0 ? best : server), undefined);
  return best && best.serverId;
}

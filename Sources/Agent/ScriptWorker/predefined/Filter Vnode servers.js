// Takes the servers out whose static data says "vnode": true, or anything else but false, 0 and "".
function filterVnodeServers(input) {
  return input.servers.filter((server) => !(server.staticData && server.staticData.vnode));
}

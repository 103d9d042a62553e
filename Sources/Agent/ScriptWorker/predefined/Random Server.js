// Chooses any of the servers that are left, each as likely as the others. Goes on to the next script where none is left.
function randomServer(input) {
  const server = input.servers[Math.floor(Math.random() * input.servers.length)];
  return server && server.serverId;
}

// Chooses the server that the user has picked, if it is among those that are left. Otherwise goes on to the next script.
// Looks at "serverId" in the data of the request.
function userSelection(input) {
  const serverId = input.data && input.data.serverId;
  return input.servers.some((server) => server.serverId === serverId) ? serverId : undefined;
}

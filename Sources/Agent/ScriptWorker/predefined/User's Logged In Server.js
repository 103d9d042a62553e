// Chooses the server that the user is logged in at, if it is among those that are left. Otherwise goes on to the next script.
// Looks at "iss" of the user, which there is once he has logged in.
function usersLoggedInServer(input) {
  const serverId = input.user && input.user.iss;
  return input.servers.some((server) => server.serverId === serverId) ? serverId : undefined;
}

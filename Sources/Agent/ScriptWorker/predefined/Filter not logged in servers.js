// Takes the servers out where the user is not logged in on the host. The list is empty where he is logged in on none.
// Looks at "loggedInUsers" of the servers.
function filterNotLoggedInServers(input) {
  const login = input.user && input.user.login;
  return input.servers.filter((server) => Array.isArray(server.loggedInUsers) && server.loggedInUsers.includes(login));
}

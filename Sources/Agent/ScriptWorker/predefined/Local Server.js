// Chooses the server that the user is connected to. Fails where that one takes no sessions or logins at the moment, so
// it is best the last script of a chain, or the only one.
function localServer(input) {
  return input.local.serverId;
}

// Keeps the servers with a GPU, whatever the user asked for, and fails where there is none.
// A server has one if its static data says so: "gpu": true, a number or a model.
function useGPUSystem(input) {
  const servers = input.servers.filter((server) => server.staticData && server.staticData.gpu);
  if (servers.length === 0) throw new Error('There is no server with a GPU at the moment.');
  return servers;
}

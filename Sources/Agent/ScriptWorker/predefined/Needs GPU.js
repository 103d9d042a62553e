// Keeps the servers with a GPU for a user who asks for one, and leaves the list as it is for all others.
// A request asks for one with "gpu" or "params": {"gpu": …} in its data: anything but false, 0, "", "false", "no" and "0".
// A server has one if its static data says so: "gpu": true, a number or a model. The list is empty where none has.
function needsGPU(input) {
  const data = input.data || {};
  const asked = [data.gpu, data.params && data.params.gpu];
  const isNo = (value) => !value || ['false', 'no', '0'].includes(String(value).trim().toLowerCase());
  if (asked.every(isNo)) return undefined;
  return input.servers.filter((server) => server.staticData && server.staticData.gpu);
}

// What a script may try with all that Node has. Each attempt returns when it succeeded, and throws or rejects when not.
// It is put before a line that names one of them; see test_script_walls.py.
const attempts = {
  readsPasswords: (c) => require("fs").readFileSync("/etc/passwd"),
  readsAHome: (c) => require("fs").readFileSync(`${c.directory}/secret`),
  readsTheRoot: (c) => require("fs").readdirSync("/"),
  readsAnEnvironment: (c) => require("fs").readFileSync(`/proc/${c.victim}/environ`),
  readsACommandLine: (c) => require("fs").readFileSync(`/proc/${c.victim}/cmdline`),
  followsALink: (c) => { require("fs").readFileSync(`${c.folder}/link`); },
  writesToTmp: (c) => require("fs").writeFileSync(`${c.directory}/new`, "x"),
  appends: (c) => require("fs").appendFileSync(`${c.directory}/secret`, "x"),
  writesWhereItIs: (c) => require("fs").writeFileSync(`${process.env.WRITTEN ?? c.folder}/new`, "x"),
  writesAsAPromise: (c) => require("fs").promises.writeFile(`${c.directory}/new`, "x"),
  makesADirectory: (c) => require("fs").mkdirSync(`${c.directory}/new`),
  removes: (c) => require("fs").unlinkSync(`${c.directory}/secret`),
  renames: (c) => require("fs").renameSync(`${c.directory}/secret`, `${c.directory}/other`),
  links: (c) => require("fs").linkSync(`${c.directory}/secret`, `${c.directory}/other`),
  linksByName: (c) => require("fs").symlinkSync("/etc/passwd", `${c.directory}/other`),
  changesAMode: (c) => require("fs").chmodSync(`${c.directory}/secret`, 0o777),
  changesAnOwner: (c) => require("fs").chownSync(`${c.directory}/secret`, process.getuid(), process.getgid()),
  changesATime: (c) => require("fs").utimesSync(`${c.directory}/secret`, 1, 1),
  truncates: (c) => require("fs").truncateSync(`${c.directory}/secret`, 0),
  changesDirectory: (c) => process.chdir(c.directory),
  watches: (c) => require("fs").watch(c.directory).close(),
  connectsTCP: (c) => connected(require("net").connect(c.port, "127.0.0.1")),
  listensTCP: (c) => listening(require("net").createServer().listen(0, "127.0.0.1")),
  connectsUnix: (c) => connected(require("net").connect(`${c.directory}/socket`)),
  listensUnix: (c) => listening(require("net").createServer().listen(`${c.directory}/listening`)),
  connectsAbstract: (c) => connected(require("net").connect(`\0${c.abstract}`)),
  sendsUDP: (c) => new Promise((done, failed) => {
    const socket = require("dgram").createSocket("udp4");
    socket.on("error", failed);
    socket.send("x", c.port, "127.0.0.1", (error) => (error ? failed(error) : done()));
  }),
  looksUp: (c) => require("dns").promises.lookup("localhost"),
  fetches: (c) => fetch(`http://127.0.0.1:${c.port}/`).catch((error) => { throw error.cause ?? error; }),
  runs: (c) => ran(require("child_process").spawnSync("/bin/true")),
  runsAShell: (c) => require("child_process").execSync("true"),
  runsItself: (c) => ran(require("child_process").spawnSync(process.execPath, ["-e", "0"])),
  spawns: (c) => new Promise((done, failed) => require("child_process").spawn("/bin/true").on("exit", done).on("error", failed)),
  forks: (c) => new Promise((done, failed) =>
    require("child_process").fork(`${c.folder}/empty.js`).on("exit", done).on("error", failed)),
  forksACluster: (c) => new Promise((done, failed) => {
    const cluster = require("cluster");
    cluster.setupPrimary({ exec: `${c.folder}/empty.js` });
    const worker = cluster.fork();
    worker.on("online", () => { worker.kill(); done(); });
    worker.on("error", failed);
  }),
  kills: (c) => process.kill(c.victim, "SIGTERM"),
  asksForAnother: (c) => process.kill(c.victim, 0),
  killsAGroup: (c) => process.kill(-c.victim, "SIGTERM"),
  changesUser: (c) => process.setuid(process.getuid()),
  changesGroup: (c) => process.setgid(process.getgid()),
  changesPriority: (c) => require("os").setPriority(0, 5),
  opensALibrary: (c) => {
    try {
      process.dlopen({ exports: {} }, `${c.directory}/library.node`);
    } catch (error) {
      // It was loaded, and is no addon of Node's.
      if (!error.message.includes("self-register")) throw error;
    }
  },
  opensTheInspector: (c) => {
    const inspector = require("inspector");
    inspector.open(0, "127.0.0.1");
    if (!inspector.url()) throw Object.assign(new Error("it does not listen"), { code: "EPERM" });
    setTimeout(() => process.exit(), 100);
  },
  writesAReport: (c) => {
    process.report.directory = c.directory;
    process.report.writeReport("report.json");
    if (!require("fs").existsSync(`${c.directory}/report.json`))
      throw Object.assign(new Error("no report was written"), { code: "EPERM" });
  },
  writesItsHeap: (c) => require("v8").writeHeapSnapshot(`${c.directory}/heap`),
  // These go on to work: scripts compute with all of Node.
  computes: (c) => {
    require("vm").runInNewContext("1 + 1");
    require("zlib").gunzipSync(require("zlib").gzipSync("x"));
    require("crypto").createHash("sha256").update("x").digest();
    new Intl.DateTimeFormat("de").format(new Date());
    require("os").cpus();
    require("os").loadavg();
    process.memoryUsage();
    process.resourceUsage();
  },
  waits: (c) => new Promise((done) => setTimeout(done, 10)),
  usesTheThreadPool: (c) => require("util").promisify(require("crypto").pbkdf2)("x", "y", 10, 10, "sha256"),
  readsItsFolder: (c) => require("fs").readFileSync(`${c.folder}/empty.js`),
};

const connected = (socket) => new Promise((done, failed) =>
  socket.on("connect", () => { socket.destroy(); done(); }).on("error", failed));
const listening = (server) => new Promise((done, failed) =>
  server.on("listening", () => server.close(done)).on("error", failed));
const ran = (result) => {
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`status ${result.status}`);
};

const attempt = async (name, context) => {
  let outcome = { succeeded: true };
  try {
    await attempts[name](context);
  } catch (error) {
    outcome = { succeeded: false, code: error?.code ?? error?.errors?.[0]?.code, message: String(error?.message ?? error) };
  }
  process.stderr.write(`\noutcome ${JSON.stringify(outcome)}\n`, () => process.exit());
};

// Types of what scripts are given and may return, for editors: put this beside a script whose first line is
//   /** @type {import('./fastx').PlacementFunction} */
// docs/placement.md says what each of them means.

/** A placement script: chooses a server by its id, leaves a list for the next script, or goes on with a falsy value. */
export type PlacementFunction = (input: PlacementInput) => PlacementAnswer | Promise<PlacementAnswer>;
export type PlacementAnswer = string | Array<string | ServerLike> | undefined | null | false | 0 | '' | void;
/** An element of a returned list: whatever else it has is kept, as JSON, for the next script. */
export type ServerLike = { serverId: string; [member: string]: unknown };

/** A metric: its value goes into the server update of its host under `metrics`, by the metric's name. */
export type MetricFunction = () => JSONValue | Promise<JSONValue>;
export type JSONValue = null | boolean | number | string | JSONValue[] | { [member: string]: JSONValue };

export interface PlacementInput {
  action: 'user/login' | 'session/start';
  user: User;
  /** The user's groups on the host. */
  userGroups: string[];
  isManager: boolean;
  isAdmin: boolean;
  /** The member that runs the script: the one that the user is connected to. */
  local: Server | { serverId: string };
  /** The servers that are left: the script's own to change. */
  servers: Server[];
  /** What the user's request says: for instance `gpu`, `params`, `serverId`. */
  data: { [member: string]: any };
}

/** Before a login only `login`, `serverId` and `sessions` are there. */
export interface User {
  login: string;
  /** Of the login: the member that it belongs to; before it, the one that was asked for, if any. */
  serverId?: string;
  /** The user's sessions at all members. */
  sessions: Session[];
  /** The user's name. */
  sub?: string;
  /** The member that made the login. */
  iss?: string;
  /** Seconds since 1970. */
  iat?: number;
  /** Seconds since 1970. */
  exp?: number;
  aud?: string;
  jti?: string;
  /** What else the login carries, such as `fastx/daemon`. */
  [claim: string]: unknown;
}

/** What a member tells of its host every 30 s. A host does not tell everything: what it does not know is missing. */
export interface Server {
  serverId: string;
  /** 64 bits in hexadecimal digits, other ones after each start of the agent. */
  origin: string;
  hostname: string;
  kernel: string;
  /** Where the member is reached, the best URL first. */
  urls: string[];
  /** Of the certificate that it serves, in hexadecimal digits. */
  certificateSHA256: string;
  /** Of the agent. */
  version: string;
  /** Seconds since the host started. */
  uptime?: number;
  /** Of 1, 5 and 15 minutes: processes that run or wait. */
  loadavg?: [number, number, number];
  cpu: {
    /** Processors. */
    count: number;
    model?: string;
    /** Percent of all processors since the last update. */
    use?: number;
  };
  /** Bytes. */
  totalmem?: number;
  /** Bytes that programs could get. */
  freemem?: number;
  /** Bytes. */
  swap?: { total: number; free: number };
  /** Names of users with a login session on the host. */
  loggedInUsers: string[];
  /** Running sessions. */
  sessions: number;
  uniqueSessionUsers: number;
  logins: number;
  uniqueLoginUsers: number;
  loginsEnabled: boolean;
  sessionsEnabled: boolean;
  draining: boolean;
  state: 'running' | 'stopped';
  stopReason?: string;
  external: boolean;
  serverReservations: boolean;
  /** The object of the member's static-data.json; predefined scripts look at `gpu` and `vnode`. */
  staticData: { gpu?: any; vnode?: any; [member: string]: any };
  /** Values of metrics by their names. */
  metrics?: { [name: string]: any };
  /** What is wrong with metrics, one sentence by the name of each. */
  metricErrors?: { [name: string]: string };
  /** Which metrics the host runs. */
  metricsMode?: 'cluster' | 'local' | 'off' | 'off: no unit';
  links: Array<{
    serverId: string;
    /** `out` where this member opened the connection. */
    direction: 'in' | 'out';
    /** RFC 3339. */
    since: string;
    clockOffsetMilliseconds?: number;
  }>;
  clockWrong: boolean;
  partitioned: boolean;
  gatewayKeys?: string[];
  /** What an earlier script of the chain has added. */
  [member: string]: any;
}

export interface Session {
  /** 32 hexadecimal digits. */
  id: string;
  serverId: string;
  hostname: string;
  user: string;
  name: string;
  command: string;
  /** Pixels: "1280x800". */
  geometry: string;
  state: 'starting' | 'running' | 'ended' | 'failed';
  /** Why it ended or failed. */
  reason: string | null;
  exitStatus: number | null;
  /** These four in RFC 3339. */
  started: string | null;
  ended: string | null;
  lastConnect: string | null;
  lastDisconnect: string | null;
  /** Browsers that look at it. */
  clients: number;
  /** Such as ":12". */
  display: string | null;
  memoryBytes: number;
  /** 100 is one whole processor. */
  cpuPercent: number;
  /** Nobody has connected for longer than the member's settings allow. */
  forgotten: boolean;
}

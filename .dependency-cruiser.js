// The import rules of src/: one folder is one room, and an arrow goes only where the table allows it.
// The table is explained in docs/architecture.md.

/** room -> the rooms it may import, besides errors and itself */
const MAY_IMPORT = {
  match: ['codec'],
  tag: [],
  diagnostics: [],
  codec: [],
  dialect: ['codec', 'match'],
  event: ['tag', 'codec'],
  'known-events': ['tag', 'event'],
  target: ['match', 'codec', 'config'],
  transport: ['codec', 'diagnostics'],
  bus: ['tag', 'match', 'event', 'codec', 'dialect', 'transport', 'diagnostics'],
  channel: ['codec', 'transport', 'diagnostics'],
  store: ['diagnostics'],
  control: ['codec', 'transport', 'diagnostics'],
  config: ['dialect'],
  daemon: [
    'tag',
    'match',
    'event',
    'codec',
    'dialect',
    'transport',
    'diagnostics',
    'bus',
    'channel',
    'config',
    'pki',
    'store',
    'control',
    'target',
  ],
  pki: ['codec'],
  client: [
    'channel',
    'control',
    'pki',
    'tag',
    'match',
    'event',
    'known-events',
    'codec',
    'dialect',
    'transport',
    'diagnostics',
    'bus',
    'config',
  ],
  doctor: ['client', 'config', 'dialect', 'bus', 'codec', 'transport', 'diagnostics'],
  cli: [
    'control',
    'pki',
    'client',
    'doctor',
    'daemon',
    'config',
    'dialect',
    'codec',
    'bus',
    'event',
    'known-events',
    'match',
    'tag',
    'diagnostics',
    'transport',
  ],
  testing: [
    'channel',
    'client',
    'daemon',
    'config',
    'dialect',
    'codec',
    'bus',
    'event',
    'match',
    'tag',
    'diagnostics',
    'transport',
  ],
  index: ['client', 'bus', 'event', 'known-events', 'match', 'tag', 'diagnostics', 'dialect', 'codec'],
};

/** room -> the node: modules it may import; a room that is not named may import any */
const NODE_MODULES = {
  match: ['module'],
  tag: [],
  diagnostics: ['diagnostics_channel'],
  errors: [],
  codec: ['crypto', 'buffer'],
  dialect: [],
  event: [],
  'known-events': [],
  target: [],
  transport: ['net', 'fs', 'path', 'stream'],
  bus: ['stream'],
  doctor: ['fs', 'os', 'path', 'net'],
  channel: ['crypto', 'worker_threads', 'timers'],
  store: ['fs', 'path', 'worker_threads'],
  control: ['stream'],
  pki: ['fs', 'path', 'crypto'],
  config: ['fs', 'os', 'path', 'crypto', 'module', 'child_process', 'net'],
};

const room = (name) => `^src/${name}(/|\\.ts$)`;

const rooms = Object.entries(MAY_IMPORT).map(([name, allowed]) => ({
  name: `room-${name}`,
  severity: 'error',
  from: { path: room(name) },
  to: {
    path: '^src/',
    pathNot: [room(name), room('errors'), ...allowed.map(room)],
  },
}));

const nodeModules = Object.entries(NODE_MODULES).map(([name, allowed]) => ({
  name: `node-modules-${name}`,
  severity: 'error',
  from: { path: room(name) },
  to: {
    dependencyTypes: ['core'],
    ...(allowed.length === 0 ? {} : { pathNot: `^(node:)?(${allowed.join('|')})(/promises)?$` }),
  },
}));

export default {
  forbidden: [
    ...rooms,
    ...nodeModules,
    { name: 'errors-imports-nothing', severity: 'error', from: { path: room('errors') }, to: { path: '.' } },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'transport-knows-no-salt',
      severity: 'error',
      comment: 'Of the codecs a transport needs ZMTP alone.',
      from: { path: '^src/transport/' },
      to: { path: '^src/codec/', pathNot: '^src/codec/zmtp/' },
    },
    {
      name: 'one-room-knows-the-driver',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/store/' },
      to: { path: 'node_modules/@photostructure/sqlite' },
    },
    {
      name: 'src-stays-in-src',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|scripts|examples)/' },
    },
    {
      name: 'known-room',
      severity: 'error',
      comment: 'A new folder in src/ needs a row in the table.',
      from: { path: '^src/', pathNot: ['errors', ...Object.keys(MAY_IMPORT)].map(room) },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};

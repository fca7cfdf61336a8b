/**
 * Who may import whom (ARCHITECTURE.md has the picture). A rule's comment is what an engineer reads when it is broken.
 * Checked by `npm run depcruise`.
 */
const SPECS = '\\.(spec|double)\\.ts$';
const NEST_SUFFIX =
  '\\.(module|decorators?|guard|gateway|adapter|filter|service|controller|providers|factory|pipe|interceptor|middleware|strategy)\\.ts$';
/** The two files that start a Nest application. */
const STARTERS = '^src/(server/main|testing/start-test-server)\\.ts$';
const IMPLEMENTATION = '/(memory|redis)-[^/]+\\.ts$';
const PUBLIC_NAMES = '^src/(index|(protocol|client|client/tabs|react|realtime/admin)/index|client/roster)\\.ts$';

const npm = (name) => `(^|/)node_modules/${name}/`;

/** A layer of src/realtime and those above it, which it may not know. */
const below = (layer, above) => ({
  name: `${layer}-knows-nothing-above-it`,
  comment:
    `src/realtime/${layer} lies below ${above.join(', ')}: imports go gateway → rooms → connection → protocol. ` +
    'Hand in what you need (an argument, a callback, an event) instead of importing upwards.',
  severity: 'error',
  from: { path: `^src/realtime/${layer}/`, pathNot: SPECS },
  to: { path: `^src/realtime/(${above.join('|')})/` },
});

/** A folder that uses Rookery from outside. */
const takesPublicNames = (folder) => ({
  name: `${folder.replace('src/', '')}-takes-public-names`,
  comment:
    `${folder} uses Rookery as a customer does: by src/index.ts, src/protocol/index.ts and src/client/index.ts. ` +
    'If it needs more, the public API lacks it: export it there.',
  severity: 'error',
  from: { path: `^${folder}/`, pathNot: SPECS },
  to: { path: '^(src|test|tools)/', pathNot: [PUBLIC_NAMES, `^${folder}/`] },
});

export default {
  forbidden: [
    {
      name: 'protocol-imports-nothing',
      comment: 'src/protocol runs in browsers and servers alike: it imports nothing outside its folder, not even Node.',
      severity: 'error',
      from: { path: '^src/protocol/', pathNot: SPECS },
      to: { pathNot: '^src/protocol/' },
    },
    {
      name: 'client-does-without-tabs',
      comment:
        'src/client/tabs is an entry of its own, outside the size budget: it uses the client, never the reverse.',
      severity: 'error',
      from: { path: '^src/client/', pathNot: [SPECS, '^src/client/tabs/'] },
      to: { path: '^src/client/tabs/' },
    },
    {
      name: 'client-imports-only-the-protocol',
      comment: 'src/client runs in browsers and is bundled: it imports src/protocol/index.ts and nothing else.',
      severity: 'error',
      from: { path: '^src/client/', pathNot: SPECS },
      to: { pathNot: '^src/(client/|protocol/index\\.ts$)' },
    },
    {
      name: 'react-imports-only-the-client',
      comment:
        'src/react is hooks around the client: it imports React, src/client/index.ts and src/client/roster.ts, nothing else. ' +
        'What it lacks, a page without React lacks too: export it there.',
      severity: 'error',
      from: { path: '^src/react/', pathNot: SPECS },
      to: { pathNot: ['^src/(react/|client/(index|roster)\\.ts$)', npm('(@types/)?react')] },
    },
    {
      name: 'react-only-in-its-folder',
      comment: 'React is an optional peer: only src/react may import it, so that everything else works without it.',
      severity: 'error',
      from: { path: '^src/', pathNot: [SPECS, '^src/react/'] },
      to: { path: ['^src/react/', npm('(@types/)?react')] },
    },
    below('rooms', ['gateway']),
    below('connection', ['gateway', 'rooms', 'recovery', 'limits']),
    below('recovery', ['gateway', 'rooms', 'connection']),
    below('auth', ['gateway', 'rooms', 'connection']),
    below('limits', ['gateway', 'rooms', 'connection']),
    below('broker', ['gateway', 'rooms', 'connection', 'recovery', 'presence', 'bans']),
    below('presence', ['gateway', 'rooms', 'connection', 'recovery']),
    below('bans', ['gateway', 'rooms', 'connection', 'recovery', 'presence']),
    {
      name: 'features-listen',
      comment:
        'metrics, health, drain, admin and the presence announcer listen to events and are built by realtime.parts.ts, ' +
        'realtime.providers.ts or realtime.module.ts: whatever imports them could not live without them. Emit an event instead.',
      severity: 'error',
      from: {
        path: '^src/realtime/',
        pathNot: [
          SPECS,
          '^src/realtime/realtime\\.(parts|providers|module)\\.ts$',
          '^src/realtime/(metrics|health|drain|admin)/',
          '^src/realtime/presence/announcer',
        ],
      },
      to: { path: '^src/realtime/((metrics|health|drain|admin)/|presence/announcer)' },
    },
    {
      name: 'implementations-are-named-once',
      comment:
        'memory-* and redis-* implement a port and are named in backend.providers.ts alone: import the port ' +
        '(broker.ts, presence.ts, bans.ts) and have the implementation handed in.',
      severity: 'error',
      from: { path: '^src/', pathNot: [SPECS, '^src/realtime/backend\\.providers\\.ts$', IMPLEMENTATION] },
      to: { path: IMPLEMENTATION },
    },
    {
      name: 'memory-knows-no-redis',
      comment: 'A memory-* implementation runs where there is no Redis: it shares nothing with redis-* but the port.',
      severity: 'error',
      from: { path: '/memory-[^/]+\\.ts$', pathNot: SPECS },
      to: { path: '/redis-[^/]+\\.ts$' },
    },
    {
      name: 'nest-only-behind-a-suffix',
      comment:
        'Only a file whose name has a Nest suffix (.module .decorator .guard .gateway .adapter .filter .service …) imports ' +
        '@nestjs/*: the rest is plain TypeScript that a test builds with `new`. Move the Nest part into such a file.',
      severity: 'error',
      from: { path: '^src/', pathNot: [SPECS, NEST_SUFFIX, STARTERS] },
      to: { path: [npm('@nestjs'), '^@nestjs/'] },
    },
    {
      name: 'no-internals-of-nest',
      comment: '@nestjs/*/internal may change with any patch release: use what Nest exports.',
      severity: 'error',
      from: {},
      to: { path: '@nestjs/[^/]+/internal' },
    },
    {
      name: 'ws-only-at-the-wire',
      comment:
        'Only src/realtime/gateway, src/realtime/connection and the test client know that the wire is `ws`: elsewhere take ' +
        'a Connection.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: [SPECS, '^src/realtime/(gateway|connection)/', '^src/testing/test-client\\.ts$'],
      },
      to: { path: [npm('(@types/)?ws'), '^ws$'] },
    },
    {
      name: 'ioredis-only-in-redis-files',
      comment: 'ioredis is an optional peer: only redis-*.ts may import it, so that memory works without it.',
      severity: 'error',
      from: { path: '^src/', pathNot: [SPECS, '/redis-[^/]+\\.ts$'] },
      to: { path: [npm('ioredis'), '^ioredis$'] },
    },
    ...['src/server', 'src/testing', 'examples'].map(takesPublicNames),
    {
      name: 'the-library-knows-no-user',
      comment:
        'src/realtime and src/index.ts are the library: the server, the testing kit and the client stand beside it.',
      severity: 'error',
      from: { path: '^src/(realtime/|index\\.ts$)', pathNot: SPECS },
      to: { path: '^(src/(server|testing|client|react)|test|tools|examples)/' },
    },
    {
      name: 'no-way-round-by-the-index',
      comment: 'Inside the library import the file that defines a name; src/index.ts is the door for others.',
      severity: 'error',
      from: { path: '^src/(realtime|protocol)/' },
      to: { path: '^src/index\\.ts$' },
    },
    {
      name: 'no-cycles',
      comment:
        'Files that import each other in a circle can only be understood together: move the shared part into a third.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'what-ships-is-declared',
      comment:
        'What src imports must be a dependency or a peer in package.json: a devDependency is missing for customers.',
      severity: 'error',
      from: { path: '^src/', pathNot: SPECS },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['npm', 'npm-peer', 'npm-optional', 'type-only'],
      },
    },
    {
      name: 'imports-resolve',
      comment: 'This import leads nowhere: the file or the package is not there.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|\\.cache|src/server/(dashboard/)?public)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
    reporterOptions: { text: { highlightFocused: true } },
  },
};

// The one-direction rule of docs/architecture.md: a folder imports only what stands right of it.
// `main` and `cli` first, `errors` and `config` last; `index` is what plugins may import.
const order = [
  ['main', '^core/main\\.ts$'],
  ['cli', '^core/cli/'],
  ['testing', '^core/testing/'],
  ['app', '^core/app(\\.ts$|/)'],
  ['index', '^core/index\\.ts$'],
  ['update', '^core/update/'],
  ['plugin', '^core/plugin/'],
  ['notice', '^core/notice/'],
  ['card', '^core/card/'],
  ['http', '^core/http/'],
  ['job', '^core/job/'],
  ['outbox', '^core/outbox/'],
  ['session', '^core/session/'],
  ['telegram', '^core/telegram/'],
  ['backup', '^core/backup/'],
  ['database', '^core/database/'],
  ['store', '^core/store/'],
  ['i18n', '^core/i18n/'],
  ['log', '^core/log/'],
  ['clock', '^core/clock\\.ts$'],
  ['configuration', '^core/configuration\\.ts$'],
  ['errors', '^core/errors\\.ts$'],
  ['config', '^config/'],
]

const direction = order.slice(1).map(([name, path], i) => ({
  name: `${name}-never-imports-back`,
  comment: `${name} stands right of ${order
    .slice(0, i + 1)
    .map(([left]) => left)
    .join(', ')}: it may not import them`,
  severity: 'error',
  from: { path },
  to: {
    path: order
      // testing re-exports nothing of the command line, and the other way round is fine
      .slice(0, i + 1)
      .map(([, left]) => left),
  },
}))

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...direction,
    {
      name: 'core-knows-no-plugin',
      comment: 'Nothing in core imports a plugin: plugins come and go while it runs',
      severity: 'error',
      from: { path: '^(core|config|migrations)/' },
      to: { path: '^(plugins|examples)/' },
    },
    {
      name: 'config-imports-zod-alone',
      severity: 'error',
      from: { path: '^config/' },
      to: { pathNot: ['^config/', '(^|/)node_modules/zod/'] },
    },
    {
      name: 'plugins-import-opsgram-alone',
      comment:
        "A plugin imports 'opsgram' (or 'opsgram/testing' in its tests), never a file of core",
      severity: 'error',
      from: { path: '^(plugins|examples)/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(core|config|migrations|test)/', pathNot: '^core/index\\.ts$' },
    },
    {
      name: 'no-cycles',
      comment: 'Two files that need each other are one concept or hide a third',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-unresolved',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: ['^opsgram'] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)fixtures/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
}

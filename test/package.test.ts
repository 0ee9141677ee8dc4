import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { writeDist } from '../build/package.ts'
import packageJson from '../package.json' with { type: 'json' }
import { DevProcess, patience } from './support/dev-process.ts'
import { freshFolder } from './support/folders.ts'

const exec = promisify(execFile)
const root = resolve(import.meta.dirname, '..')

const files = {
  'package.json': '{ "name": "disks", "type": "module" }',
  // what people have whose compiler checks declarations of packages too
  'tsconfig.json': JSON.stringify({
    compilerOptions: {
      target: 'es2024',
      module: 'nodenext',
      strict: true,
      skipLibCheck: false,
      allowImportingTsExtensions: true,
      noEmit: true,
      types: ['node'],
    },
    include: ['*.ts'],
  }),
  'index.ts': `import { definePlugin, message, buttons, duration } from 'opsgram'
import { z } from 'zod'

export default definePlugin({
  name: 'disks',
  version: '1.0.0',
  config: z.object({ unit: z.string().default('GB') }),
  setup: (scope) => ({ unit: scope.config.unit }),
  actions: ({ action }) => ({
    again: action({ label: 'Again', data: z.object({ n: z.int() }), run: (_ctx, { n }) => String(n) }),
  }),
  commands: ({ command }) => ({
    disks: command({
      description: 'Free space',
      args: z.object({ size: z.coerce.number(), time: duration().optional() }),
      run: (ctx, { size }) =>
        message(\`\${size} \${ctx.plugin.unit}\`, buttons(ctx.button('again', { n: size }))),
    }),
  }),
})
`,
  'disks.test.ts': `import { equal } from 'node:assert/strict'
import { createTestBot } from 'opsgram/testing'

const bot = await createTestBot({ plugins: [import.meta.dirname] })
const operator = bot.user({ role: 'operator' })
await operator.sends('/disks 30')
await operator.sees('30 GB')
equal(bot.plugin('disks').state, 'active')
await bot.stop()
console.log('the test passed')
process.exit()
`,
  // its types must be known to those of the package, not be \`any\`
  'wrong.ts': `import { definePlugin } from 'opsgram'

export default definePlugin({
  name: 'wrong',
  version: '1.0.0',
  // @ts-expect-error a reply is no number
  commands: ({ command }) => ({ x: command({ description: 'x', run: (ctx) => ctx.actor.nothing }) }),
})
`,
} as const

/** What `npm install opsgram-1.0.0.tgz` makes of a repository, without npm: packages are links to ours. */
function installInto(project: string, dist: string): void {
  const modules = join(project, 'node_modules')
  mkdirSync(join(modules, '.bin'), { recursive: true })
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name.startsWith('.')) continue
    symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  const installed = join(modules, 'opsgram')
  for (const name of ['package.json', ...packageJson.files.filter((path) => !path.includes('*'))]) {
    const from = name === 'dist' ? dist : join(root, name)
    cpSync(from, join(installed, name), { recursive: true })
  }
  symlinkSync('../opsgram/bin/opsgram', join(modules, '.bin/opsgram'))
}

describe('the package, in a repository of a plugin', () => {
  let project: string
  const run = (command: string, ...args: string[]) =>
    exec(command, args, { cwd: project, env: { PATH: process.env.PATH, HOME: process.env.HOME } })

  const opsgram = (...args: string[]) => run('node_modules/.bin/opsgram', ...args)

  before(async function () {
    this.timeout(120_000)
    const home = freshFolder()
    await writeDist(join(home, 'dist'))
    project = join(home, 'disks')
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(project, file)), { recursive: true })
      writeFileSync(join(project, file), text)
    }
    installInto(project, join(home, 'dist'))
  })

  it('brings types that compile, declarations included', async function () {
    this.timeout(120_000)
    // what it complains of stands in its output, and in no error
    const { stdout } = await run(
      process.execPath,
      'node_modules/typescript-7/bin/tsc',
      '-p',
      '.',
    ).catch((error: { stdout: string }) => error)
    if (stdout !== '') expect.fail(stdout)
  })

  it('runs the plugin’s own test in plain Node', async function () {
    this.timeout(120_000)
    const { stdout } = await run(process.execPath, 'disks.test.ts')
    expect(stdout).to.equal('the test passed\n')
  })

  it('writes another plugin, and checks both where they lie', async function () {
    this.timeout(120_000)
    const { stdout: written } = await opsgram('new', 'notes', '--with', 'entity')
    expect(written).to.contain('  npx opsgram test plugins/notes\n')
    const { stdout } = await opsgram('check', '.', 'plugins/notes')
    expect(stdout.match(/✔ (builds|types|loads and reloads)/g)).to.have.length(6)
    expect(stdout).not.to.match(/[✖!]/)
  })

  it('runs the other one’s test as its author was told', async function () {
    this.timeout(120_000)
    const { stdout } = await opsgram('test', 'plugins/notes')
    expect(stdout)
      .to.match(/pass 3\n/)
      .and.to.match(/fail 0\n/)
  })

  it('runs a bot in the playground that takes up what is saved', async function () {
    this.timeout(2 * patience)
    const dev = await DevProcess.startIn(project)
    try {
      expect(await dev.ask('/disks 30')).to.equal('30 GB')
      expect(await dev.ask('/whoami')).to.contain('Olga')
      const saved = files['index.ts'].replace("default('GB')", "default('TB')")
      writeFileSync(join(project, 'index.ts'), saved)
      await dev.bot.event('plugin.reload.committed', { plugin: 'disks' })
      expect(await dev.ask('/disks 30')).to.equal('30 TB')
      writeFileSync(join(project, 'index.ts'), 'broken(')
      const { file } = await dev.bot.event('plugin.reload.aborted', { plugin: 'disks' })
      expect(file).to.equal(join(project, 'index.ts'))
      expect(await dev.ask('/disks 30')).to.equal('30 TB')
    } finally {
      await dev.bot.close()
    }
  })
})

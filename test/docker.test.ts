import { type ExecFileException, execFile } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { delimiter, join, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { expect } from 'chai'
import { DCLinter } from 'dclint'
import { validate } from 'dockerfile-utils'
import { createTestBot } from 'opsgram/testing'
import { parse } from 'yaml'
import { lifecycle } from '../config/lifecycle.ts'
import { coreVariables } from '../config/names.ts'
import { freshFolder } from './support/folders.ts'

const root = resolve(import.meta.dirname, '..')
const composeFiles = [
  'docker-compose.yml',
  'docker-compose.database.yml',
  'docker-compose.bot.yml',
] as const

interface Service {
  readonly image?: string
  readonly extends?: { readonly file: string; readonly service: string }
  readonly environment?: Readonly<Record<string, string>>
  readonly secrets?: readonly string[]
  readonly stop_grace_period?: string
  readonly ports?: readonly string[]
  readonly deploy?: { readonly resources: { readonly limits: object } }
}

const textOf = (file: string) => readFileSync(join(root, file), 'utf8')
const servicesOf = (file: string): Record<string, Service> => parse(textOf(file)).services

/** Runs a program to its end, with whatever exit code. */
function run(
  file: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<{ code: unknown; output: string }> {
  return new Promise((done) => {
    execFile(file, args, options, (error: ExecFileException | null, stdout, stderr) => {
      done({ code: error?.code ?? 0, output: stdout + stderr })
    })
  })
}

describe('compose files', () => {
  const linter = new DCLinter({
    rules: {
      // matters of taste
      'service-keys-order': 0,
      'services-alphabetical-order': 0,
      'require-quotes-in-ports': 0,
      // what is built here is named, and the proxy is there to be reached
      'no-build-and-image': 0,
      'no-unbound-port-interfaces': 0,
    },
    quiet: false,
    debug: false,
    exclude: [],
  })

  for (const file of composeFiles) {
    it(`${file} is as the specification has it`, () => {
      const found: { messages: unknown[] }[] = linter.lintFiles([join(root, file)], false)
      expect(found.flatMap(({ messages }) => messages)).to.deep.equal([])
    })
  }

  it('extend services that there are, and bound and pin the others', () => {
    for (const file of composeFiles) {
      for (const [name, service] of Object.entries(servicesOf(file))) {
        if (service.extends !== undefined) {
          expect(servicesOf(service.extends.file), name).to.have.property(service.extends.service)
          continue
        }
        expect(service.image, name).to.match(
          /:(?:v?[\d.]+(?:-\w+)?|\$\{OPSGRAM_VERSION:-latest\})$/,
        )
        expect(service.deploy?.resources.limits, name).to.have.keys('cpus', 'memory')
        for (const port of service.ports ?? []) {
          if (name !== 'proxy') expect(port, name).to.match(/^127\.0\.0\.1:/)
        }
      }
    }
  })

  it('read secrets from where they are mounted', () => {
    for (const file of composeFiles) {
      for (const [name, { environment = {}, secrets = [] }] of Object.entries(servicesOf(file))) {
        const read = Object.entries(environment).filter(([key]) => key.endsWith('_FILE'))
        for (const [, path] of read) {
          expect(
            secrets.map((secret) => `/run/secrets/${secret}`),
            name,
          ).to.include(path)
        }
      }
    }
  })

  it('leave the bot more time for its stop than it takes, and set what it knows', () => {
    const { bot } = servicesOf('docker-compose.bot.yml')
    const drainS = Number(lifecycle.variables.SHUTDOWN_TIMEOUT_MS?.fallback) / 1_000
    expect(Number.parseInt(bot?.stop_grace_period ?? '', 10)).to.be.greaterThan(drainS + 3)
    const more = servicesOf('docker-compose.yml').bot?.environment
    const names = Object.keys({ ...bot?.environment, ...more })
    expect(names.filter((name) => !coreVariables.has(name))).to.deep.equal([])
  })
})

describe('the dashboard and the alerts', () => {
  it('ask for metrics that there are', async () => {
    const bot = await createTestBot()
    const known = await fetch(`${bot.url}/metrics`).then((answer) => answer.text())
    await bot.stop()
    const files = ['docker/alerts.yml', 'docker/grafana/dashboards/opsgram.json']
    const asked = files.flatMap((file) =>
      [...textOf(file).matchAll(/\b(?:opsgram|nodejs|process)_[a-z0-9_]+/g)].map(([name]) => name),
    )
    // of several instances alone, on PostgreSQL
    const elsewhere = ['opsgram_leader']
    const series = (name: string) => name.replace(/_(?:bucket|count|sum)$/, '')
    const missing = new Set(asked.filter((name) => !known.includes(`# TYPE ${series(name)} `)))
    expect([...missing].filter((name) => !elsewhere.includes(name))).to.deep.equal([])
    expect(asked.length).to.be.greaterThan(15)
  })
})

describe('the image', () => {
  const dockerfile = textOf('Dockerfile')

  it('is made by instructions that hold', () => {
    expect(validate(dockerfile).map(({ message, range }) => ({ message, range }))).to.deep.equal([])
  })

  it('runs what the package has, as nobody special, without watching, set up by what the bot knows', () => {
    const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '))
    expect(last).to.match(/^USER node$/m)
    expect(last).to.match(/^CMD \["node", "--enable-source-maps", "dist\/core\/main\.js"\]$/m)
    const lines = /^ENV ([\s\S]*?[^\\])\n/m.exec(last)?.[1]?.replaceAll('\\\n', '') ?? ''
    const set = parseEnv(lines.trim().split(/\s+/).join('\n'))
    expect(set).to.include({ PLUGINS_WATCH: 'false', NODE_ENV: 'production' })
    const unknown = Object.keys(set).filter((name) => !coreVariables.has(name))
    expect(unknown).to.deep.equal(['NODE_ENV'])
  })

  it('is healthy when the bot is ready', async () => {
    let status = 503
    const server = createServer((request, response) => {
      response.writeHead(request.url === '/readyz' ? status : 404).end('{}')
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as AddressInfo
    const check = async () => {
      const env = { ...process.env, HTTP_PORT: String(port) }
      return (await run(process.execPath, [join(root, 'docker/healthcheck.js')], { env })).code
    }
    try {
      expect(await check()).to.equal(1)
      status = 200
      expect(await check()).to.equal(0)
    } finally {
      await new Promise((done) => server.close(done))
    }
    expect(await check()).to.equal(1)
  })
})

describe('secrets of containers', () => {
  it('are made once, closed to others, and the token is asked for', async () => {
    const folder = freshFolder()
    mkdirSync(join(folder, 'docker'))
    cpSync(join(root, 'docker/secrets.sh'), join(folder, 'docker/secrets.sh'))
    const script = join(folder, 'docker/secrets.sh')
    const read = (file: string) => readFileSync(join(folder, 'secrets', file), 'utf8').trim()

    const refused = await run(script, ['database', 'url', 'bot'])
    expect(refused.code).to.equal(1)
    expect(refused.output).to.contain('secrets/bot/BOT_TOKEN')
    expect(statSync(join(folder, 'secrets')).mode & 0o777).to.equal(0o700)
    const password = read('database/POSTGRES_PASSWORD')
    expect(password).to.match(/^[0-9a-f]{48}$/)
    expect(read('bot/DATABASE_URL')).to.equal(
      `postgres://opsgram:${password}@postgres:5432/opsgram`,
    )

    writeFileSync(join(folder, '.env'), 'BOT_TOKEN=123:abc\n')
    expect(await run(script, ['database', 'url', 'bot'])).to.deep.equal({ code: 0, output: '' })
    expect(read('database/POSTGRES_PASSWORD')).to.equal(password)
  })
})

describe('make', () => {
  it('has every target that is promised, each with a line in its help', async () => {
    const { output } = await run('make', ['help'], { cwd: root })
    const targets = [...output.matchAll(/^ {2}make ([a-z-]+) +\S/gm)].map(([, target]) => target)
    expect(targets).to.include.members(
      `start dev full-up full-down db-up db-down bot-up bot-down db-shell db-admin db-backup db-restore
       migrate test test-coverage check bench status logs logs-bot clean full-clean help`.split(
        /\s+/,
      ),
    )
  })

  it('backs up and restores where the bot is: in its container, in db-up, or here', async () => {
    const folder = freshFolder()
    cpSync(join(root, 'Makefile'), join(folder, 'Makefile'))
    mkdirSync(join(folder, 'bin'))
    mkdirSync(join(folder, 'node_modules'))
    mkdirSync(join(folder, 'secrets/database'), { recursive: true })
    writeFileSync(join(folder, 'secrets/database/POSTGRES_PASSWORD'), 'pa55')
    writeFileSync(join(folder, 'package-lock.json'), '')
    writeFileSync(join(folder, 'node_modules/.package-lock.json'), '')
    const script = (file: string, text: string) =>
      writeFileSync(join(folder, 'bin', file), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
    script('opsgram', 'echo "here: $* of ${DATABASE_URL:-.env}"')
    // answers which containers there are, and says what else it is asked to do
    script(
      'docker',
      'case "$*" in *" ps "*) case "$*" in *"$THERE") echo id;; esac;; *) echo "docker: $*";; esac',
    )
    const make = async (target: string, there: string) => {
      const path = `${join(folder, 'bin')}${delimiter}${process.env.PATH}`
      const { DATABASE_URL: _, ...others } = process.env
      const env = { ...others, PATH: path, THERE: there }
      return (await run('make', [target, 'FILE=f'], { cwd: folder, env })).output
    }
    const [inside, dbUp, none] = ['--status running bot', '--status running postgres', 'nothing']
    expect(await make('db-backup', inside)).to.contain('exec --no-TTY bot bin/opsgram backup')
    expect(await make('db-backup', dbUp)).to.match(
      /^here: backup of postgres:.*pa55@127\.0\.0\.1:5432/m,
    )
    expect(await make('db-backup', none)).to.contain('here: backup of .env')
    expect(await make('db-restore', '--all bot')).to.contain(
      'run --rm --no-deps bot bin/opsgram restore f',
    )
    expect(await make('db-restore', none)).to.contain('here: restore f of .env')
  })

  it('says what is missing where there is no Docker', async () => {
    const path = freshFolder()
    for (const program of ['make', 'sh']) symlinkSync(await whereIs(program), join(path, program))
    const env = { ...process.env, PATH: path }
    const { code, output } = await run('make', ['db-up'], { cwd: root, env })
    expect(code).to.equal(2)
    expect(output).to.contain('Docker with its compose plugin is missing: https://')
  })
})

async function whereIs(program: string): Promise<string> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const file = join(folder, program)
    if (statSync(file, { throwIfNoEntry: false })?.isFile()) return file
  }
  throw new Error(`${program} is not installed`)
}

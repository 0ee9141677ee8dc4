import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { PassThrough } from 'node:stream'
import { gunzipSync } from 'node:zlib'
import { expect } from 'chai'
import { LogFiles, type LogFilesOptions } from '../../../core/log/files.ts'
import { createLogger, type LoggerOptions } from '../../../core/log/logger.ts'
import { rejected } from '../../support/rejected.ts'
import { until } from '../../support/wait.ts'

const token = '123456789:AAExampleExampleExampleExampleExamp'

function loggerOf(options: Partial<LoggerOptions> = {}) {
  const output = new PassThrough()
  let text = ''
  output.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  const log = createLogger({ level: 'info', format: 'json', output, ...options })
  const lines = () =>
    text
      .split('\n')
      .filter(Boolean)
      .map((line): Record<string, unknown> => JSON.parse(line))
  return { log, lines, text: () => text, output }
}

describe('log', () => {
  let dir: string
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'opsgram-log-'))
  })
  afterEach(() => rmSync(dir, { recursive: true }))

  it('writes one JSON object a line with time, level, event and fields', async () => {
    const { log, lines } = loggerOf()
    log.info('plugin.loaded', { plugin: 'ping', generation: 3, text: 'two\nlines' })
    log.warn('alone')
    await log.close()
    const [first, second] = lines()
    expect(first).to.include({
      level: 'info',
      event: 'plugin.loaded',
      plugin: 'ping',
      generation: 3,
    })
    expect(new Date(String(first?.time)).toISOString()).to.equal(first?.time)
    expect(first?.text).to.equal('two\nlines')
    expect(second).to.have.all.keys('time', 'level', 'event')
  })

  it('keeps its own three names when a field is called like one', async () => {
    const { log, lines } = loggerOf()
    log.info('x', { level: 7, message: 'm', event: 'e', time: 't' })
    await log.close()
    expect(lines()[0]).to.include({
      level: 'info',
      event: 'x',
      message: 'm',
      level_: 7,
      event_: 'e',
      time_: 't',
    })
  })

  it('leaves out what is below its level', async () => {
    const { log, lines } = loggerOf({ level: 'warn' })
    log.debug('no')
    log.info('no')
    log.warn('yes')
    log.error('yes')
    await log.close()
    expect(lines().map(({ event }) => event)).to.deep.equal(['yes', 'yes'])
  })

  it('puts the fields of a child on each of its lines', async () => {
    const { log, lines } = loggerOf()
    log.child({ plugin: 'ping', a: 1 }).child({ update: 5 }).info('x', { a: 2 })
    await log.close()
    expect(lines()[0]).to.include({ plugin: 'ping', update: 5, a: 2 })
  })

  it('writes no secret, nor one it learns of later', async () => {
    const { log, text } = loggerOf({ secrets: ['hunter2hunter2'] })
    log.error('x', { error: new Error(`GET /bot${token}/getMe with hunter2hunter2`) })
    log.addSecrets(['plugin-secret'])
    log.child({ own: 'plugin-secret' }).info('y')
    await log.close()
    expect(text())
      .not.to.include('AAEx')
      .and.not.include('hunter2')
      .and.not.include('plugin-secret')
  })

  it('takes no line after its end, and throws at none', async () => {
    const { log, lines } = loggerOf({ dir })
    log.info('before')
    const closed = log.close()
    log.error('meanwhile', { error: new Error('left behind') })
    await closed
    log.child({ a: 1 }).error('after')
    expect(lines().map(({ event }) => event)).to.deep.equal(['before'])
  })

  it('replaces a line that would be too long', async () => {
    const { log, lines, text } = loggerOf()
    log.info('big', { items: Array.from({ length: 100 }, () => 'x'.repeat(8_000)) })
    await log.close()
    expect(text().length).to.be.below(70_000)
    expect(lines()[0]).to.include({ event: 'big' }).and.have.property('cutFrom')
  })

  it('is readable for people, errors with hint and place, and no line can be forged', async () => {
    const { log, text } = loggerOf({ format: 'pretty' })
    log.warn('plugin.reload.aborted', {
      plugin: 'ping',
      note: 'two words',
      evil: '\u001b[2J\n12:00 INFO  fake',
      error: new Error('it broke', { cause: new TypeError('the reason') }),
    })
    await log.close()
    const [head, ...rest] = text().split('\n')
    expect(head).to.match(
      /^\d\d:\d\d:\d\d\.\d{3} WARN {2}plugin\.reload\.aborted plugin=ping note="two words" /,
    )
    expect(rest.join('\n'))
      .to.include('error: Error it broke')
      .and.include('cause: TypeError the reason')
    expect(rest.join('\n')).to.match(/at .*logger\.test\.ts:\d+/)
    expect(text()).not.to.include('\u001b')
    expect(rest.every((line) => line === '' || line.startsWith('  '))).to.equal(true)
  })

  it('keeps all lines in a file that only its user may read', async () => {
    const { log } = loggerOf({ dir: join(dir, 'new/logs'), format: 'pretty' })
    for (let i = 0; i < 5_000; i++) log.info('line', { i, text: 'x'.repeat(200) })
    await log.close()
    const lines = readFileSync(join(dir, 'new/logs/opsgram.log'), 'utf8').trim().split('\n')
    expect(lines).to.have.length(5_000)
    expect(JSON.parse(lines.at(-1) ?? '')).to.include({ event: 'line', i: 4_999 })
  })

  it('writes a file for each level, and one with all', async () => {
    const { log } = loggerOf({ dir, level: 'debug' })
    for (const level of ['error', 'warn', 'info', 'debug'] as const) log[level](`of.${level}`)
    await log.close()
    const events = (name: string) =>
      readFileSync(join(dir, name), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).event)
    expect(events('opsgram.log')).to.have.length(4)
    for (const level of ['error', 'warn', 'info', 'debug']) {
      expect(events(`opsgram.${level}.log`)).to.deep.equal([`of.${level}`])
    }
  })

  it('changes what is written while it runs, also for a plugin alone', async () => {
    const { log, lines } = loggerOf()
    log.debug('1')
    log.levels.set('warn', new Map([['ping', 'debug']]))
    log.info('2')
    log.child({ plugin: 'ping' }).debug('3')
    log.debug('4', { plugin: 'ping' })
    log.debug('5', { plugin: 'pong' })
    log.levels.set('info', new Map([['ping', 'error']]))
    log.child({ plugin: 'ping' }).warn('6')
    log.info('7')
    await log.close()
    expect(lines().map(({ event }) => event)).to.deep.equal(['3', '4', '7'])
  })

  it('tells of every line with an error id, also of those that it does not write', async () => {
    const { log } = loggerOf({ level: 'error' })
    const told: unknown[] = []
    log.onError((event, fields) => told.push([event, fields.plugin, fields.errorId]))
    log.child({ plugin: 'ping' }).warn('job.failed', { errorId: 'E-22222' })
    log.error('other')
    await log.close()
    expect(told).to.deep.equal([['job.failed', 'ping', 'E-22222']])
  })

  describe('files', () => {
    const logNames = () => readdirSync(dir).filter((name) => /^opsgram\.\d/.test(name))
    const filesOf = (options: Partial<LogFilesOptions> = {}) => {
      const failures: unknown[] = []
      const files = new LogFiles({
        dir,
        fileBytes: 10_000,
        keep: { days: 30, bytes: 1_000_000 },
        onFailure: (error) => failures.push(error),
        settledMs: 0,
        ...options,
      })
      // written when it is there: what is handed over at once goes into one file
      const write = async (line: string) => {
        files.write('info', line)
        await until('the line is written', () =>
          ['opsgram.log', ...logNames()].some(
            (name) =>
              statSync(join(dir, name), { throwIfNoEntry: false })?.isFile() &&
              readFileSync(join(dir, name), 'utf8').includes(line),
          ),
        )
      }
      return { files, failures, write, close: () => files.close(AbortSignal.timeout(2_000)) }
    }

    it('are put aside when they are full, and packed', async () => {
      const { write, close } = filesOf()
      await write(`first ${'x'.repeat(9_000)}`)
      await write(`second ${'x'.repeat(9_000)}`)
      const packed = await until('one is packed', () =>
        logNames().find((name) => name.endsWith('.log.gz')),
      )
      await close()
      expect(packed).to.match(/^opsgram\.\d{4}-\d\d-\d\dT\d{6}\.\d{3}\.log\.gz$/)
      expect(gunzipSync(readFileSync(join(dir, packed))).toString()).to.match(/^first x+\n$/)
      expect(readFileSync(join(dir, 'opsgram.log'), 'utf8')).to.match(/^second x+\n$/)
    })

    it('of a day before are put aside, deleted when they are old, and the oldest when they are too much', async () => {
      const daysAgo = (name: string, days: number, bytes: number) => {
        writeFileSync(join(dir, name), 'x'.repeat(bytes))
        const at = new Date(Date.now() - days * 86_400_000)
        utimesSync(join(dir, name), at, at)
      }
      daysAgo('opsgram.log', 1, 100)
      daysAgo('opsgram.2020-01-01T000000.000.log.gz', 40, 100)
      daysAgo('opsgram.1.log', 41, 100)
      daysAgo('opsgram.error.2020-01-02T000000.000.log.gz', 3, 900_000)
      daysAgo('opsgram.error.2020-01-03T000000.000.log.gz', 2, 900_000)
      daysAgo('somebody.else.log', 99, 100)
      const { write, close } = filesOf()
      await write('today')
      await until('the old ones are gone', () => {
        const names = readdirSync(dir)
        return names.length > 0 && !names.some((name) => /2020-01-0[12]|\.1\.log/.test(name))
      })
      await until('yesterday is packed', () => logNames().some((name) => name.endsWith('.gz')))
      await close()
      expect(readFileSync(join(dir, 'opsgram.log'), 'utf8')).to.equal('today\n')
      expect(readdirSync(dir)).to.include.members([
        'opsgram.error.2020-01-03T000000.000.log.gz',
        'somebody.else.log',
      ])
    })

    it('are made anew when their folder was removed', async () => {
      const { write, close, files } = filesOf()
      await write('before')
      rmSync(dir, { recursive: true })
      await until('it is there again', () => {
        files.write('info', 'after')
        return existsSync(join(dir, 'opsgram.log'))
      })
      await close()
      expect(readFileSync(join(dir, 'opsgram.log'), 'utf8')).to.include('after')
    })

    it('that cannot be put aside grow for a while, then lines are lost and counted', async () => {
      const { files, failures, write, close } = filesOf()
      await write('x'.repeat(9_000))
      // a folder with the very name: nothing can be renamed to it
      const toISOString = Date.prototype.toISOString
      Date.prototype.toISOString = () => '2020-01-01T00:00:00.000Z'
      mkdirSync(join(dir, 'opsgram.2020-01-01T000000.000.log'))
      mkdirSync(join(dir, 'opsgram.info.2020-01-01T000000.000.log'))
      try {
        for (const part of ['a', 'b', 'c']) await write(part.repeat(9_000))
        expect(files.lost).to.equal(0)
        expect(failures).to.have.length(1)
        files.write('info', 'd'.repeat(9_000))
        await until('it is lost', () => files.lost > 0)
      } finally {
        Date.prototype.toISOString = toISOString
      }
      await close()
    })

    it('shared by two processes lose no line when one of them puts them aside', async () => {
      const [one, two] = [filesOf(), filesOf()]
      await one.write('one 1')
      await two.write('two 1')
      await one.write(`one 2 ${'x'.repeat(9_990)}`)
      await one.write('one 3')
      // looked for again at most once a second
      await until('the other one follows', () => {
        two.files.write('info', 'two 2')
        return readFileSync(join(dir, 'opsgram.log'), 'utf8').includes('two 2')
      })
      await Promise.all([one.close(), two.close()])
      const all = readdirSync(dir)
        .filter((name) => /^opsgram\.(\d|log)/.test(name))
        .map((name) => readFileSync(join(dir, name)))
        .map((bytes) => (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString())
        .join('')
      for (const line of ['one 1', 'two 1', 'one 2', 'one 3', 'two 2']) {
        expect(all).to.include(`${line}`)
      }
    })
  })

  it('refuses a folder that it cannot write', async () => {
    writeFileSync(join(dir, 'file'), '')
    const error = await rejected(() => loggerOf({ dir: join(dir, 'file/logs') }))
    expect(error.code).to.equal('OPS_LOG_DIR')
    expect(error.message).to.include(join(dir, 'file/logs'))
  })

  it('goes on while the disk is full, says so once, and writes the file again afterwards', async () => {
    symlinkSync('/dev/full', join(dir, 'opsgram.log'))
    const { log, lines } = loggerOf({ dir })
    for (let i = 0; i < 200; i++) log.info('lost', { text: 'x'.repeat(1_000) })
    await until('the failure is logged', () =>
      lines().find(
        ({ event, error }) =>
          event === 'log.file-failed' && JSON.stringify(error).includes('ENOSPC'),
      ),
    )
    // the file with all lines alone was on the full disk
    await until('all are lost', () => log.lost.files >= 200)
    rmSync(join(dir, 'opsgram.log'))
    log.info('space again')
    await log.close()
    const events = lines().map(({ event }) => event)
    expect(events.filter((event) => event === 'log.file-failed')).to.have.length(1)
    expect(events.filter((event) => event === 'lost')).to.have.length(200)
    expect(readFileSync(join(dir, 'opsgram.log'), 'utf8')).to.include('space again')
  })

  it('drops and counts lines that nobody reads, and goes on', async () => {
    const output = new PassThrough()
    const log = createLogger({ level: 'info', format: 'json', output, dir })
    for (let i = 0; i < 1_000; i++) {
      log.info('unread', { text: 'x'.repeat(8_000) })
      await new Promise(setImmediate)
    }
    expect(log.lost.output).to.be.above(100)
    output.resume()
    await log.close()
    expect(readFileSync(join(dir, 'opsgram.log'), 'utf8').trim().split('\n')).to.have.length(1_000)
  })

  it('survives a closed standard output', async () => {
    const script = join(dir, 'pipe.mts')
    writeFileSync(
      script,
      `import { createLogger } from ${JSON.stringify(resolve('core/log/logger.ts'))}
       const log = createLogger({ level: 'info', format: 'json', output: process.stdout, dir: ${JSON.stringify(dir)} })
       log.info('before')
       process.stdin.once('data', async () => {
         for (let i = 0; i < 100; i++) {
           log.info('after', { i })
           await new Promise(setImmediate)
         }
         await log.close()
         process.exit(7)
       })`,
    )
    const child = spawn(process.execPath, ['--import', 'tsx', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    child.stdout.destroy()
    child.stdin.write('go\n')
    const [code] = await once(child, 'exit')
    expect(code).to.equal(7)
    expect(readFileSync(join(dir, 'opsgram.log'), 'utf8')).to.include('"i":99')
  })
})

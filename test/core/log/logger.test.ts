import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect } from 'chai'
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

  it('starts another file at 10 MiB and keeps five', async () => {
    for (const name of ['opsgram.log', 'opsgram.1.log', 'opsgram.3.log', 'opsgram.4.log'])
      writeFileSync(
        join(dir, name),
        `${name}\n${name === 'opsgram.log' ? 'x'.repeat(10 * 1024 * 1024) : ''}`,
      )
    const { log } = loggerOf({ dir })
    log.info('another')
    await log.close()
    const first = (name: string) => readFileSync(join(dir, name), 'utf8').split('\n')[0] ?? ''
    expect(JSON.parse(first('opsgram.log'))).to.include({ event: 'another' })
    expect(first('opsgram.1.log')).to.equal('opsgram.log')
    expect(first('opsgram.2.log')).to.equal('opsgram.1.log')
    expect(first('opsgram.4.log')).to.equal('opsgram.3.log')
    expect(readdirSync(dir)).to.have.length(4)
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
    rmSync(join(dir, 'opsgram.log'))
    log.info('space again')
    await log.close()
    const events = lines().map(({ event }) => event)
    expect(events.filter((event) => event === 'log.file-failed')).to.have.length(1)
    expect(events.filter((event) => event === 'lost')).to.have.length(200)
    expect(readFileSync(join(dir, 'opsgram.log'), 'utf8')).to.include('space again')
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

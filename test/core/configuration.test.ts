import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { LiveEnvironment, loadConfig, readEnvironment } from '../../core/configuration.ts'
import { rejected } from '../support/rejected.ts'

const token = '123456789:AAExampleExampleExampleExampleExamp'

describe('environment', () => {
  let dir: string
  let file: string
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'opsgram-env-'))
    file = join(dir, '.env')
  })
  afterEach(() => rmSync(dir, { recursive: true }))

  it('is the real one alone when there is no file', () => {
    expect(readEnvironment({ file, real: { A: '1' } })).to.deep.equal({ A: '1' })
  })

  it('takes the file’s values in all their spellings', () => {
    writeFileSync(
      file,
      '\uFEFFFIRST=1\r\n# a comment\r\n\r\nexport SECOND = two # more\nQUOTED="a # b"\nSINGLE=\'c\\nd\'\nKEY="-----BEGIN\nabc\n-----END"\nURL=postgres://u:p=x@h/d\nEMPTY=\n',
    )
    expect(readEnvironment({ file, real: {} })).to.deep.equal({
      FIRST: '1',
      SECOND: 'two',
      QUOTED: 'a # b',
      SINGLE: 'c\\nd',
      KEY: '-----BEGIN\nabc\n-----END',
      URL: 'postgres://u:p=x@h/d',
      EMPTY: '',
    })
  })

  it('lets the real one win, but not by a blank value', () => {
    writeFileSync(file, 'A=file\nB=file\nC=file\n')
    expect(readEnvironment({ file, real: { A: 'real', B: '', D: '' } })).to.deep.equal({
      A: 'real',
      B: 'file',
      C: 'file',
      D: '',
    })
  })

  it('takes variables from the files of SECRETS_DIR: over .env, under the real environment', () => {
    const secrets = join(dir, 'secrets')
    mkdirSync(secrets, { recursive: true })
    writeFileSync(join(secrets, 'A'), 'secret\n')
    writeFileSync(join(secrets, 'B'), 'secret of b\n')
    writeFileSync(join(secrets, '..data'), 'not a variable')
    writeFileSync(file, `A=file\nSECRETS_DIR=${secrets}\n`)
    const environment = new LiveEnvironment({ file, real: { B: 'real', A: '' } })
    expect(environment.values).to.deep.equal({ A: 'secret', B: 'real', SECRETS_DIR: secrets })
    expect(environment.secrets).to.deep.equal(['secret of b'])
  })

  it('needs no SECRETS_DIR to be there, but what is there must be readable', async () => {
    const real = { SECRETS_DIR: join(dir, 'none') }
    expect(readEnvironment({ file, real })).to.deep.equal(real)
    mkdirSync(join(dir, 'none', 'BOT_TOKEN'), { recursive: true })
    const error = await rejected(() => readEnvironment({ file, real }))
    expect(error.code).to.equal('OPS_SECRET_FILE')
    expect(error.message).to.include('SECRETS_DIR')
  })

  it('names what of the file nobody can mean, and leaves the real environment alone', () => {
    writeFileSync(
      file,
      'BOT_TOKN=1\nBOTTOKEN=1\nHTTP_PROT=1\nBOT_TOKEN=1\nWORKLOG_SHEET=1\nTEST_REDIS_URL=1\n',
    )
    const environment = new LiveEnvironment({
      file,
      real: { HTTP_PROXY: 'http://p', NODE_ENV: 'x' },
    })
    expect(environment.unknownNames).to.have.members(['BOT_TOKN', 'BOTTOKEN', 'HTTP_PROT'])
  })

  it('refuses a .env that is no file', async () => {
    mkdirSync(file)
    const error = await rejected(() => readEnvironment({ file, real: {} }))
    expect(error.code).to.equal('OPS_ENV_FILE')
    expect(error.message).to.include(file)
  })
})

describe('a running process’s environment', () => {
  it('takes a changed .env when it is told to, and names the plugins it concerns', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'opsgram-env-'))
    const file = join(dir, '.env')
    writeFileSync(file, 'WORKLOG_SHEET=a\nNETBOX_TOKEN=first-secret\nLOG_LEVEL=info\n')
    const environment = new LiveEnvironment({ file, real: { START_TEXT: 'x' } })
    writeFileSync(
      file,
      'WORKLOG_SHEET=b\nNETBOX_TOKEN=first-secret\nLOG_LEVEL=debug\nSTART_TEXT=y\n',
    )
    expect(environment.pluginEnv('worklog')).to.deep.equal({ sheet: 'a' })
    expect(environment.reread()).to.deep.equal({ plugins: ['worklog'], core: ['LOG_LEVEL'] })
    expect(environment.pluginEnv('worklog')).to.deep.equal({ sheet: 'b' })
    expect(environment.pluginEnv('start')).to.deep.equal({ text: 'x' })
    expect(environment.secrets).to.deep.equal(['first-secret'])
    expect(environment.reread()).to.deep.equal({ plugins: [], core: [] })

    rmSync(file)
    mkdirSync(file)
    expect((await rejected(() => environment.reread())).code).to.equal('OPS_ENV_FILE')
    expect(environment.pluginEnv('worklog')).to.deep.equal({ sheet: 'b' })
    rmSync(dir, { recursive: true })
  })
})

describe('loading the configuration', () => {
  it('gives absolute paths', () => {
    expect(loadConfig({ DATA_DIR: 'x' }).config.dataDir).to.equal(join(process.cwd(), 'x'))
  })

  it('fails with one readable error for all that is wrong', async () => {
    const error = await rejected(() => loadConfig({ HTTP_PORT: 'eighty', LOCALE: 'de' }))
    expect(error.code).to.equal('OPS_CONFIG')
    expect(error.message).to.equal(
      'HTTP_PORT is "eighty"; accepted: a whole number from 0 to 65535\nLOCALE is "de"; accepted: en or ru',
    )
  })

  it('tells how to find one’s id when owners are missing, also beside other problems', async () => {
    const alone = await rejected(() => loadConfig({ BOT_TOKEN: token }))
    expect(alone.code).to.equal('OPS_ADMIN_IDS_MISSING')
    expect(alone.message).to.include('ADMIN_IDS')
    expect(alone.hint).to.include('id')
    const both = await rejected(() => loadConfig({ BOT_TOKEN: token, HTTP_PORT: 'x' }))
    expect(both.code).to.equal('OPS_CONFIG')
    expect(both.hint).to.include(alone.hint)
  })

  it('says how to get what a webhook lacks', async () => {
    const bot = { BOT_TOKEN: token, ADMIN_IDS: '42' }
    const error = await rejected(() => loadConfig({ ...bot, UPDATES: 'webhook' }))
    expect(error.code).to.equal('OPS_CONFIG')
    expect(error.message).to.include('WEBHOOK_URL is nothing; accepted: the https://')
    expect(error.hint).to.include('openssl rand -hex 32')
  })

  it('never shows a secret, not even in the wrong variable', async () => {
    const url = 'mysql://ops:pa55word@db/ops'
    const error = await rejected(() =>
      loadConfig({ BOT_TOKEN: `${token}!`, ADMIN_IDS: token, DATABASE_URL: url }),
    )
    const text = JSON.stringify([error.message, error.hint, error.details, error.stack])
    expect(text).not.to.include('AAExample').and.not.include('pa55word')
    expect(error.message).to.include('mysql://…')
  })
})

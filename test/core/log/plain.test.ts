import { expect } from 'chai'
import { OpsError } from '../../../core/errors.ts'
import { toPlain } from '../../../core/log/plain.ts'
import { redactText } from '../../../core/log/redact.ts'

const token = '123456789:AAExampleExampleExampleExampleExamp'
const plain = (value: unknown) => toPlain(value, redactText)

describe('fields of a log line', () => {
  it('hold no secret, however deep it lies and whatever it is called', () => {
    const hidden = plain({
      a: [{ b: new Map([['url', `https://api.telegram.org/bot${token}/getMe`]]) }],
      headers: { Authorization: 'Bearer x', 'Set-Cookie': ['a=b'] },
      user: { password: 'hunter2', pin: 5, botToken: { nested: 'x' }, token: 12345 },
      [`bot${token}`]: 1,
    })
    expect(hidden).to.deep.equal({
      a: [{ b: { url: 'https://api.telegram.org/bot123456789:***/getMe' } }],
      headers: { Authorization: '***', 'Set-Cookie': '***' },
      user: { password: '***', pin: 5, botToken: '***', token: '***' },
      'bot123456789:***': 1,
    })
  })

  it('keep counts and flags of secret-like names', () => {
    expect(plain({ tokens: 5, hasToken: true, token: null, secret: undefined })).to.deep.equal({
      tokens: 5,
      hasToken: true,
      token: null,
    })
  })

  it('survive cycles, but show what merely stands twice', () => {
    const shared = { x: 1 }
    const value: Record<string, unknown> = { one: shared, two: shared }
    value.self = value
    expect(plain(value)).to.deep.equal({ one: { x: 1 }, two: { x: 1 }, self: '[circular]' })
  })

  it('hold what JSON has no word for', () => {
    expect(
      plain({
        big: 12345678901234567890n,
        nan: Number.NaN,
        date: new Date(0),
        bad: new Date(Number.NaN),
        bytes: Buffer.from('abc'),
        set: new Set([1]),
        fn: function named() {},
        sym: Symbol('s'),
        url: new URL('http://u:p@h/'),
        nothing: null,
      }),
    ).to.deep.equal({
      big: '12345678901234567890',
      nan: 'NaN',
      date: '1970-01-01T00:00:00.000Z',
      bad: 'Invalid Date',
      bytes: '[Buffer of 3 bytes]',
      set: [1],
      fn: '[function named]',
      sym: 'Symbol(s)',
      url: 'http://u:***@h/',
      nothing: null,
    })
  })

  it('survive getters, toJSON and proxies that throw', () => {
    const boom = () => {
      throw new Error('boom')
    }
    const value = {
      get bad() {
        return boom()
      },
      json: { toJSON: boom },
      proxy: new Proxy({}, { ownKeys: boom, getPrototypeOf: boom }),
      ok: 1,
    }
    expect(plain(value)).to.deep.equal({
      bad: '[unreadable]',
      json: '[unreadable]',
      proxy: '[unreadable]',
      ok: 1,
    })
  })

  it('are bounded in length, count and depth', () => {
    const deep: Record<string, unknown> = {}
    let inner = deep
    for (let i = 0; i < 50; i++) {
      const next = {}
      inner.next = next
      inner = next
    }
    const wide = Array.from({ length: 200 }, () => Array.from({ length: 200 }, () => ({ a: 1 })))
    const text = JSON.stringify(plain({ long: 'x'.repeat(1_000_000), deep, wide }))
    expect(text.length).to.be.below(100_000)
    expect(text).to.include('(1000000 characters)').and.include('[deeper]').and.include('200 items')
  })

  it('do not show half a secret where a long text is cut', () => {
    for (const before of [8_180, 16_370]) {
      const text = JSON.stringify(plain(`${'x '.repeat(before / 2)}${token}${' y'.repeat(9_000)}`))
      expect(text).not.to.include('AAEx')
    }
  })

  it('show errors with code, hint, details and causes, and none of their other fields', () => {
    const inner = Object.assign(new Error(`POST /bot${token}/x failed`), { code: 'ECONNRESET' })
    const payload = { on: { payload: { text: 'private' } } }
    const error = new OpsError('OPS_CONFIG', 'no', {
      cause: Object.assign(new TypeError('mid', { cause: inner }), payload),
      details: { plugin: 'worklog', password: 'x' },
    })
    const shown = JSON.parse(JSON.stringify(plain({ error }))).error
    expect(shown).to.include({ name: 'OpsError', code: 'OPS_CONFIG', message: 'no' })
    expect(shown.hint).to.be.a('string')
    expect(shown.stack).to.include('plain.test.ts')
    expect(shown.details).to.deep.equal({ plugin: 'worklog', password: '***' })
    expect(shown.cause).to.include({ name: 'TypeError', message: 'mid' })
    expect(shown.cause.cause).to.include({
      code: 'ECONNRESET',
      message: 'POST /bot123456789:***/x failed',
    })
    expect(JSON.stringify(shown)).not.to.include('private').and.not.include('AAEx')
  })

  it('end an endless chain of causes', () => {
    const error = new Error('one')
    error.cause = new Error('two', { cause: error })
    expect(JSON.stringify(plain(error))).to.include('[circular]')
    let chain = new Error('0')
    for (let i = 1; i < 100; i++) chain = new Error(String(i), { cause: chain })
    expect(JSON.stringify(plain(chain)).length).to.be.below(20_000)
  })
})

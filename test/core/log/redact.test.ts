import { expect } from 'chai'
import { createRedactor, isSecretName, redactText } from '../../../core/log/redact.ts'

const token = '123456789:AAExampleExampleExampleExampleExamp'

describe('redaction of texts', () => {
  const cases: Record<string, [string, string]> = {
    'a bot token alone': [`token ${token}!`, 'token 123456789:***!'],
    'a bot token in a Bot API address': [
      `https://api.telegram.org/bot${token}/getMe`,
      'https://api.telegram.org/bot123456789:***/getMe',
    ],
    'a bot token in a file address': [
      `https://api.telegram.org/file/bot${token}/photos/1.jpg`,
      'https://api.telegram.org/file/bot123456789:***/photos/1.jpg',
    ],
    'a percent-encoded bot token': [`/bot${token.replace(':', '%3A')}/x`, '/bot123456789%3A***/x'],
    'the password of an address': [
      'connect postgres://ops:pa55word@db:5432/ops failed',
      'connect postgres://ops:***@db:5432/ops failed',
    ],
    'a password that holds @ and /': ['redis://:a/b@c@host:6379', 'redis://:***@host:6379'],
    'an Authorization header': ['Authorization: Bearer abc.def', 'Authorization: Bearer ***'],
    'an Authorization header in JSON': [
      '{"authorization":"Basic dTpw","x":1}',
      '{"authorization":"Basic ***","x":1}',
    ],
    'a bearer token without its header': ['sent Bearer abcdefghijklmnop1', 'sent Bearer ***'],
    'a token of our own API': [
      `Token x: ops_0123456789_${'aB-_9'.repeat(9)} until`,
      'Token x: ops_0123456789_*** until',
    ],
    'a secret in a query': ['GET /x?access_token=abc&y=1', 'GET /x?access_token=***&y=1'],
    'a password that somebody tells': ['VPN password: hunter2 ok', 'VPN password: *** ok'],
    'a password told in Russian': ['пароль - qwerty1, ждём', 'пароль - *** ждём'],
    'a private key': [
      'key -----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\nAAAA==\n-----END OPENSSH PRIVATE KEY----- end',
      'key -----BEGIN OPENSSH PRIVATE KEY-----*** end',
    ],
    'half a private key': ['-----BEGIN PRIVATE KEY-----\nMIIEvQ', '-----BEGIN PRIVATE KEY-----***'],
    'a secret in JSON': ['{"newPassword": "abc", "y": 1}', '{"newPassword": "***", "y": 1}'],
  }
  for (const [name, [text, expected]] of Object.entries(cases)) {
    it(`takes out ${name}`, () => {
      expect(redactText(text)).to.equal(expected)
    })
  }

  it('leaves ordinary text as it is', () => {
    const text =
      'Unexpected token } at 12:30, see http://127.0.0.1:3000/playground?chat=5 or mail ops@example.org; 3 tokens: left'
    expect(redactText(text)).to.equal(text)
  })

  it('takes time linear in the length of hostile text', () => {
    for (const part of [
      '://a:',
      'a',
      'token',
      'authorization',
      '1234567',
      'bearer ',
      'password: ',
      '-----BEGIN PRIVATE KEY-----',
    ]) {
      const text = part.repeat(20_000 / part.length)
      const started = process.cpuUsage()
      redactText(text)
      // of the processor, whatever else it has to do
      expect(process.cpuUsage(started).user / 1000, part).to.be.below(500)
    }
  })
})

describe('redaction of known values', () => {
  it('takes them out plain and percent-encoded, the longest first', () => {
    const redact = createRedactor(['s3cret/1', 's3cret/1-more'])
    expect(redact('a s3cret/1-more b s3cret/1 c s3cret%2F1')).to.equal('a *** b *** c ***')
  })
})

describe('names of secrets', () => {
  it('are known in every spelling', () => {
    for (const name of ['token', 'botToken', 'BOT_TOKEN', 'api-key', 'Set-Cookie', 'pwd', 'tokens'])
      expect(isSecretName(name), name).to.equal(true)
    for (const name of ['tokenizer', 'author', 'passed', 'key', 'secretary', 'authority'])
      expect(isSecretName(name), name).to.equal(false)
  })
})

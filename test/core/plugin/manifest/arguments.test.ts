import { expect } from 'chai'
import { z } from 'zod'
import { coreTexts } from '../../../../core/i18n/core-texts.ts'
import { parseArguments, splitWords, usageOf } from '../../../../core/plugin/manifest/arguments.ts'
import { duration, parseDuration } from '../../../../core/plugin/manifest/duration.ts'

const texts = coreTexts('en')
const log = z.object({
  duration: duration(),
  ticket: z.coerce.number().int().optional(),
  text: z.string().min(3),
})

function read(schema: z.ZodObject, text: string, language = 'en') {
  const t = texts.in(language)
  return parseArguments(schema, text, { t, own: t, language })
}

function value(schema: z.ZodObject, text: string): unknown {
  const parsed = read(schema, text)
  if (!parsed.ok) throw new Error(parsed.problem.message)
  return parsed.value
}

function problem(schema: z.ZodObject, text: string, language = 'en') {
  const parsed = read(schema, text, language)
  if (parsed.ok) throw new Error(`expected a problem, got ${JSON.stringify(parsed.value)}`)
  return parsed.problem
}

describe('arguments of a command', () => {
  it('are positional in key order', () => {
    const schema = z.object({ host: z.string(), port: z.number() })
    expect(value(schema, 'sw-12 8080')).to.deep.equal({ host: 'sw-12', port: 8080 })
  })

  it('give a last text the rest, as it stands', () => {
    const schema = z.object({ duration: duration(), text: z.string() })
    expect(value(schema, '1h30 replaced  switch "sw-12" (rack 3)')).to.deep.equal({
      duration: 5_400_000,
      text: 'replaced  switch "sw-12" (rack 3)',
    })
  })

  it('take quotes, also those that phones make, for one word', () => {
    const schema = z.object({ a: z.string(), b: z.string() })
    expect(value(schema, '"one two" three')).to.deep.equal({ a: 'one two', b: 'three' })
    expect(value(schema, '«раз два» три')).to.deep.equal({ a: 'раз два', b: 'три' })
    expect(value(schema, "it's fine")).to.deep.equal({ a: "it's", b: 'fine' })
  })

  it('can be named anywhere, and the rest stays positional', () => {
    expect(value(log, '45 ticket=42 fixed the printer')).to.deep.equal({
      duration: 45 * 60_000,
      text: 'fixed the printer',
      ticket: 42,
    })
    expect(value(log, 'text="fixed it" 45 7')).to.deep.equal({
      duration: 2_700_000,
      text: 'fixed it',
      ticket: 7,
    })
  })

  it('leave key=value alone when no argument has that name', () => {
    const schema = z.object({ text: z.string() })
    expect(value(schema, 'set MODE=fast now')).to.deep.equal({ text: 'set MODE=fast now' })
  })

  it('read numbers, yes and no, and lists', () => {
    const schema = z.object({ on: z.boolean(), n: z.number(), tags: z.array(z.string()) })
    expect(value(schema, 'да 1,5 a b c')).to.deep.equal({ on: true, n: 1.5, tags: ['a', 'b', 'c'] })
  })

  it('name the one that is missing, wrong or too many', () => {
    expect(problem(log, '1h30 7')).to.include({ field: 'text', reason: 'missing' })
    expect(problem(log, 'soon replaced it')).to.include({ field: 'duration', reason: 'invalid' })
    expect(problem(log, 'soon replaced it').message).to.include('1h30')
    expect(problem(z.object({ n: z.number() }), '1 2')).to.include({ reason: 'too-many' })
    expect(problem(z.object({ n: z.number() }), 'x').message).to.equal('“x” is not a number (n).')
  })

  it('say what is wrong in the language of the person', () => {
    expect(problem(log, '1h30 7', 'ru').message).to.equal('Не хватает «text».')
    expect(problem(log, '1h30 7 ab', 'ru').message).to.include('нужно хотя бы 3 символа')
    const page = z.object({ page: z.number().int().min(1).max(21), sort: z.enum(['name', 'age']) })
    expect(problem(page, '0 name').message).to.include('at least 1 is expected')
    expect(problem(page, '22 name', 'ru').message).to.include('нужно не больше 21')
    const id = z.object({ id: z.number().positive().lt(9) })
    expect(problem(id, '0').message).to.include('more than 0 is expected')
    expect(problem(id, '9', 'ru').message).to.include('нужно меньше 9')
    expect(problem(page, '2 size').message).to.include('one of name, age is expected')
  })

  it('show a usage line made from the schema', () => {
    expect(usageOf('log', log)).to.equal('/log <duration: 1h30> [ticket] <text…>')
    expect(usageOf('say', z.object({ text: z.string() }))).to.equal('/say <text…>')
    const mode = z.object({ mode: z.enum(['on', 'off']).default('on') })
    expect(usageOf('light', mode)).to.equal('/light [mode: on|off]')
    expect(usageOf('ping', undefined)).to.equal('/ping')
  })

  it('survive any text', () => {
    for (const text of [
      '"',
      '""',
      '«',
      '= = =',
      'a=',
      '=b',
      '\n\t',
      'x="',
      '\u{1F600}'.repeat(50),
    ]) {
      expect(() => read(log, text), text).not.to.throw()
      expect(splitWords(text)).to.be.an('array')
    }
  })
})

describe('a duration', () => {
  const minutes = (text: string) => {
    const ms = parseDuration(text)
    return ms === undefined ? undefined : ms / 60_000
  }

  it('is read in the ways people write it', () => {
    expect(minutes('1h30')).to.equal(90)
    expect(minutes('1h 30m')).to.equal(90)
    expect(minutes('1:30')).to.equal(90)
    expect(minutes('1.5h')).to.equal(90)
    expect(minutes('1,5 h')).to.equal(90)
    expect(minutes('45')).to.equal(45)
    expect(minutes('2d')).to.equal(2_880)
    expect(minutes('1ч30м')).to.equal(90)
    expect(minutes('2 hours')).to.equal(120)
    expect(minutes('30 мин')).to.equal(30)
  })

  it('is refused when it says something else', () => {
    for (const text of ['', 'soon', '1x', '30m1h', '1h1h', '-5', '1:75', '1h30x2']) {
      expect(minutes(text), text).to.equal(undefined)
    }
  })
})

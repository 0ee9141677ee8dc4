import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { errorCodes } from '../../core/errors.ts'

const root = resolve(import.meta.dirname, '../..')

const checkName = 'performance.memory'

/** Where a test that the page names may be. */
const places = ['test', '']

describe('docs/failures.md', () => {
  const page = readFileSync(join(root, 'docs/failures.md'), 'utf8')
  const rows = page
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| failure'))
    .map((line) => line.split('|').slice(1, -1))

  it('has what people see, what is logged, what mends itself, and what to do, for each', () => {
    expect(rows).to.have.length.above(40)
    for (const row of rows) expect(row, row[0]).to.have.length(6)
  })

  it('names tests that there are, with words of their titles', () => {
    for (const row of rows) {
      const named = row[5] ?? ''
      const files = [...named.matchAll(/`([\w./-]+\.test\.ts)`(?:: ([^`;|]+))?/g)]
      expect(files, row[0]).not.to.deep.equal([])
      for (const [, file = '', words = ''] of files) {
        const path = places.map((place) => join(root, place, file)).find((one) => existsSync(one))
        expect(path, file).to.be.a('string')
        const text = readFileSync(path ?? '', 'utf8')
        expect(words, `${row[0]}: ${file}`).to.match(/\*[^*]+\*/)
        for (const word of words.match(/(?<=\*)[^*]+(?=\*)/g) ?? []) {
          if (/^[,\s]+$/.test(word)) continue
          expect(text, `${file}: ${word}`).to.include(word)
        }
      }
    }
  })

  it('names codes that there are', () => {
    const named = [...page.matchAll(/\bOPS_[A-Z_]+/g)].map(([code]) => code)
    expect(Object.keys(errorCodes)).to.include.members(named)
  })

  it('names events that something logs', () => {
    const sources = ['core', 'plugins']
      .flatMap((folder) =>
        readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) =>
          join(root, folder, file),
        ),
      )
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n')
    const named = rows.flatMap((row) => [...(row[2] ?? '').matchAll(/`([a-z]+(?:\.[a-z-]+)+)`/g)])
    // the name of a check stands beside the event in brackets
    const events = named.map(([, event = '']) => event).filter((event) => event !== checkName)
    expect(events).to.have.length.above(20)
    for (const event of events) expect(sources.includes(`'${event}'`), event).to.equal(true)
  })
})

import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'chai'

const root = resolve(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/telegram.md'), 'utf8')
const tests = globSync('{test,plugins}/**/*.test.ts', { cwd: root })
  .map((file) => readFileSync(join(root, file), 'utf8'))
  .join('\n')

describe('docs/telegram.md', () => {
  const rows = [...page.matchAll(/^\| T(\d+) \|(.*)\|$/gm)].map(([, number, row = '']) => ({
    number: Number(number),
    here: row.split('|')[1] ?? '',
    held: row.split('|')[2] ?? '',
  }))

  it('lists all 32 faults of Telegraf, in order', () => {
    const all = Array.from({ length: 32 }, (_, i) => i + 1)
    expect(rows.map(({ number }) => number)).to.deep.equal(all)
  })

  for (const { number, here, held } of rows) {
    it(`T${number} is held by tests that are there, or can't happen`, () => {
      const names = [...held.matchAll(/\*([^*]+)\*/g)].map(([, name = '']) => name)
      if (names.length === 0) expect(here).to.match(/by construction/)
      for (const name of names) expect(tests).to.include(name)
    })
  }

  it('leaves out no test that is named after one', () => {
    const named = [...tests.matchAll(/\(\s*['"`](T\d+(?:, T\d+)*: [^'"`\n]+)['"`]/g)]
    expect(named.length).to.be.greaterThan(20)
    for (const [, name = ''] of named) expect(page).to.include(name)
  })
})

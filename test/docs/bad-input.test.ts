import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'chai'

const root = resolve(import.meta.dirname, '../..')

/** Where a test that the page names may be. */
const places = ['test', '']

describe('docs/bad-input.md', () => {
  const rows = readFileSync(join(root, 'docs/bad-input.md'), 'utf8')
    .split('\n')
    .filter((line) => /^\| (?!---|input|trouble)/.test(line) && !line.startsWith('|---'))

  it('names tests that there are, one at least for each row', () => {
    expect(rows).to.have.length.above(20)
    for (const row of rows) {
      const named = row.split('|')[3] ?? ''
      const files = [...named.matchAll(/`([\w./-]+\.test\.ts)`(?:: ([^`;|]+))?/g)]
      expect(files, row).not.to.deep.equal([])
      for (const [, file = '', words = ''] of files) {
        const path = places.map((place) => join(root, place, file)).find((one) => existsSync(one))
        expect(path, file).to.be.a('string')
        const text = readFileSync(path ?? '', 'utf8')
        // *words of its title*, or the name of a known fault
        for (const word of words.match(/(?<=\*)[^*,]+(?=\*)|T\d+/g) ?? []) {
          expect(text, `${file}: ${word}`).to.include(word)
        }
      }
    }
  })
})

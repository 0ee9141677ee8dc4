import { expect } from 'chai'
import fc from 'fast-check'
import { plainText } from '../../../core/telegram/html.ts'
import { table } from '../../../core/telegram/table.ts'
import { cutTo, oneLine, widthOf } from '../../../core/telegram/width.ts'

const linesOf = (...given: Parameters<typeof table>) => plainText(table(...given)).split('\n')

describe('the width of a text', () => {
  for (const [text, width] of [
    ['sw-12', 5],
    ['Сервер', 6],
    ['サーバ', 6],
    ['й', 1],
    ['e\u0301', 1],
    ['✅', 2],
    ['⚠️', 2],
    ['👨‍👩‍👧', 2],
    ['🇩🇪', 2],
    ['a\u200bb\u202e', 2],
    ['', 0],
  ] as const) {
    it(`of ${JSON.stringify(text)} is ${width}`, () => {
      expect(widthOf(text)).to.equal(width)
    })
  }

  it('is held when a text is cut, and no character is cut in two', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.integer({ min: 1, max: 40 }),
        (text, width) => {
          const cut = cutTo(text, width)
          expect(widthOf(cut)).to.be.at.most(width)
          expect(cut.isWellFormed()).to.equal(true)
        },
      ),
    )
  })

  it('of one line is all that is left of what would turn round the text beside it', () => {
    expect(oneLine(' a\u202eb\u2066c\nd\te\u200b ')).to.equal('abc d e')
    expect(oneLine('👨‍👩‍👧')).to.equal('👨‍👩‍👧')
  })
})

describe('a table', () => {
  it('has columns as wide as they need, numbers at the right, and a rule under its head', () => {
    expect(
      linesOf(
        [
          ['sw-12', 5],
          ['сервер', 1024],
          ['サーバ', null],
        ],
        { head: ['Host', 'MB'] },
      ),
    ).to.deep.equal(['Host      MB', '──────  ────', 'sw-12      5', 'сервер  1024', 'サーバ'])
  })

  it('cuts the longest cells, so that a phone breaks no line', () => {
    const lines = linesOf([
      ['a host with a very long name indeed', 'short', 17],
      ['db-1', 'a remark that nobody reads to its end', 1],
    ])
    for (const line of lines) expect(widthOf(line)).to.be.at.most(34)
    expect(lines[0]).to.match(/^a host .*…\s+short\s+17$/)
  })

  it('becomes lines of name and value where columns would be too narrow', () => {
    const row = [
      'one hundred',
      'two hundred',
      'three hundred',
      'four hundred',
      'five hundred',
      'six hundred',
    ]
    expect(
      String(table([row, ['<b>', '', '', '', '', 'x']], { head: ['a', 'b', 'c', 'd', 'e', 'f'] })),
    ).to.match(/^<b>a<\/b>: one hundred\n<b>b<\/b>: two.*\n\n<b>a<\/b>: &lt;b&gt;\n<b>f<\/b>: x$/s)
  })

  it('takes whatever stands in cells as text, in one line each', () => {
    expect(String(table([['<b>&\u202e\n', 1]]))).to.equal('<pre>&lt;b&gt;&amp;  1</pre>')
    expect(String(table([]))).to.equal('<pre></pre>')
  })

  it('is never wider than it may be', () => {
    const cell = fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.constant(null))
    fc.assert(
      fc.property(fc.array(fc.array(cell, { maxLength: 4 }), { maxLength: 5 }), (rows) => {
        const text = String(table(rows))
        if (!text.startsWith('<pre>')) return
        for (const line of plainText(text).split('\n')) expect(widthOf(line)).to.be.at.most(34)
      }),
    )
  })
})

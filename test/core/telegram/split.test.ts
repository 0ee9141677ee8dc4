import { expect } from 'chai'
import { type Html, html, parseHtml, pre } from '../../../core/telegram/html.ts'
import { maxTextLength, splitHtml, splitText } from '../../../core/telegram/split.ts'

function randomly(seed: number) {
  let state = seed
  return (below: number) => {
    state = (state * 48271) % 2147483647
    return state % below
  }
}

/** Throws unless every tag is closed in the right order. */
function expectBalanced(part: Html): void {
  const open: string[] = []
  for (const tag of parseHtml(part).tags) {
    if (tag.opens) open.push(tag.name)
    else expect(open.pop(), part.toString()).to.equal(tag.name)
  }
  expect(open, part.toString()).to.deep.equal([])
}

const withoutBlanks = (text: string) => text.replace(/\s+/g, '')

describe('splitting long text', () => {
  it('leaves alone what fits', () => {
    const text = 'x'.repeat(maxTextLength)
    expect(splitText(text)).to.deep.equal([text])
    expect(splitHtml(html`<b>${text}</b>`).map(String)).to.deep.equal([`<b>${text}</b>`])
  })

  it('splits on line borders, else on words, else anywhere', () => {
    expect(splitText('aaaa\nbb cc', 8)).to.deep.equal(['aaaa', 'bb cc'])
    expect(splitText('aaaa bbbb cc', 10)).to.deep.equal(['aaaa bbbb', 'cc'])
    expect(splitText('a bbbbbbbbbbbb', 6)).to.deep.equal(['a bbbb', 'bbbbbb', 'bb'])
    expect(splitText('aaaaaa\nbbbbbb', 6)).to.deep.equal(['aaaaaa', 'bbbbbb'])
  })

  it('keeps paragraphs whole where that takes no part more', () => {
    expect(splitText('aaaa\naa\n\nb\nbbbb', 11)).to.deep.equal(['aaaa\naa', 'b\nbbbb'])
    expect(splitText('aaaaa\n\nbb\nbb\ncccc', 9)).to.deep.equal(['aaaaa\n\nbb', 'bb\ncccc'])
    const heading = html`${'a'.repeat(3000)}\n\n<b>heading</b>\n${'b'.repeat(2000)}`
    expect(splitHtml(heading).at(-1)?.toString()).to.match(/^<b>heading<.b>\nb/)
  })

  it('keeps the indentation behind a line border', () => {
    expect(splitText('aaaaaa\n  bbbb', 8)).to.deep.equal(['aaaaaa', '  bbbb'])
  })

  it('makes no message of blanks alone', () => {
    expect(splitText(`aa${' '.repeat(20)}bb`, 6).every((part) => part.trim() !== '')).to.equal(true)
    expect(splitText(' \n ')).to.deep.equal([])
    expect(splitHtml('<b> </b>')).to.deep.equal([])
  })

  it('never splits a surrogate pair', () => {
    for (let limit = 2; limit < 9; limit++) {
      for (const part of splitText(`x${'💡'.repeat(20)}`, limit)) {
        expect(part.isWellFormed(), `limit ${limit}`).to.equal(true)
        expect(part.length).to.be.at.most(limit)
      }
    }
  })

  it('counts text as Telegram does, after the markup has been parsed', () => {
    const long = html`<a href="https://x.y/${'z'.repeat(5_000)}">${'&'.repeat(4_000)}</a>`
    expect(long.toString().length).to.be.above(20_000)
    expect(splitHtml(long)).to.have.length(1)
  })

  it('closes tags at a border and opens them again with their attributes', () => {
    const parts = splitHtml(html`${pre('aaaa\nbbbb', 'sh')}<b>c</b>`, 6)
    expect(parts.map(String)).to.deep.equal([
      '<pre><code class="language-sh">aaaa</code></pre>',
      '<pre><code class="language-sh">bbbb</code></pre><b>c</b>',
    ])
  })

  it('leaves no empty tags at a border', () => {
    expect(splitHtml('<b>aaaa</b>\n<i>bbbb</i>', 5).map(String)).to.deep.equal([
      '<b>aaaa</b>',
      '<i>bbbb</i>',
    ])
  })

  it('any markup is split into valid parts that hold all of its text', () => {
    const next = randomly(7)
    const words = ['a', 'слово', '&lt;', '💡💡', 'longerword', '\n', '  ', 'x&amp;y', '.']
    const tags = [
      'b',
      'i',
      'u',
      'code',
      'a href="https://x/?a=1&amp;b=2"',
      'span class="tg-spoiler"',
    ]
    const grow = (depth: number): string => {
      let markup = ''
      for (let i = 0; i < 1 + next(6); i++) {
        const tag = tags[next(tags.length)] ?? 'b'
        markup +=
          depth > 0 && next(3) === 0
            ? `<${tag}>${grow(depth - 1)}</${tag.split(' ')[0]}>`
            : `${words[next(words.length)]}${next(2) ? ' ' : ''}`
      }
      return markup
    }
    for (let i = 0; i < 1_000; i++) {
      const markup = grow(4)
      const limit = 2 + next(40)
      const parts = splitHtml(markup, limit)
      for (const part of parts) {
        expectBalanced(part)
        const { text } = parseHtml(part)
        expect(text.length, `${markup} at ${limit}`).to.be.within(1, limit)
        expect(text.isWellFormed()).to.equal(true)
      }
      const joined = parts.map((part) => parseHtml(part).text).join('')
      expect(withoutBlanks(joined), markup).to.equal(withoutBlanks(parseHtml(markup).text))
    }
  })
})

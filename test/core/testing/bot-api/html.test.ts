import { expect } from 'chai'
import { parseHtml } from '../../../../core/testing/bot-api/text/html.ts'

describe('fake Bot API: HTML', () => {
  it('turns nested tags into plain text and entities counted in UTF-16', () => {
    expect(parseHtml('👍 <b>bold <i>both</i></b> <s>no</s>')).to.deep.equal({
      text: '👍 bold both no',
      entities: [
        { type: 'bold', offset: 3, length: 9 },
        { type: 'italic', offset: 8, length: 4 },
        { type: 'strikethrough', offset: 13, length: 2 },
      ],
    })
  })

  it('reads links, code with a language, spoilers and quotes', () => {
    const { text, entities } = parseHtml(
      '<a href="https://example.org/?a=1&amp;b=2">link</a> ' +
        '<pre><code class="language-sh">ls</code></pre> ' +
        '<tg-spoiler>s</tg-spoiler><span class="tg-spoiler">t</span>' +
        '<blockquote expandable>q</blockquote><code>c</code>',
    )
    expect(text).to.equal('link ls stqc')
    expect(entities).to.deep.equal([
      { type: 'text_link', offset: 0, length: 4, url: 'https://example.org/?a=1&b=2' },
      { type: 'pre', offset: 5, length: 2, language: 'sh' },
      { type: 'spoiler', offset: 8, length: 1 },
      { type: 'spoiler', offset: 9, length: 1 },
      { type: 'expandable_blockquote', offset: 10, length: 1 },
      { type: 'code', offset: 11, length: 1 },
    ])
  })

  it('decodes four names and numbers; other ampersands stay', () => {
    expect(parseHtml('&lt;&gt;&amp;&quot; &#65;&#x42; &nbsp; a & b &copy').text).to.equal(
      '<>&" AB &nbsp; a & b &copy',
    )
  })

  it('drops links that Telegram does not take and keeps their text', () => {
    expect(
      parseHtml('<a href="javascript:alert(1)">a</a><a href="http://localhost">b</a>'),
    ).to.deep.equal({ text: 'ab', entities: [] })
  })

  const refused: [string, string][] = [
    ['<b>x', 'Can\'t find end tag corresponding to start tag "b"'],
    ['<b>x</i>', 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'],
    ['x</b>', 'Unexpected end tag at byte offset 1'],
    ['привет <br>', 'Unsupported start tag "br" at byte offset 13'],
    ['1 < 2', 'Unsupported start tag "" at byte offset 2'],
    ['a <b', 'Unclosed start tag at byte offset 2'],
    ['<a href="x', 'Unclosed start tag at byte offset 0'],
    ['<b>x</b', 'Unclosed end tag at byte offset 4'],
    [
      '<a href>x</a>',
      'Expected equal sign in declaration of an attribute of the tag "a" at byte offset 0',
    ],
    ['<span class="red">x</span>', 'Tag "span" must have class "tg-spoiler" at byte offset 0'],
    ['<!-- x -->', 'Unsupported start tag "!--" at byte offset 0'],
  ]
  for (const [source, complaint] of refused) {
    it(`refuses ${source}`, () => {
      expect(() => parseHtml(source)).to.throw(`Bad Request: can't parse entities: ${complaint}`)
    })
  }
})

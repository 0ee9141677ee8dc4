import { expect } from 'chai'
import { parseMarkdown } from '../../../../core/testing/bot-api/text/markdown.ts'
import { parseMarkdownV2 } from '../../../../core/testing/bot-api/text/markdown-v2.ts'

type Shape = [type: string, offset: number, length: number]

const shapesOf = ({ entities }: { entities: { type: string; offset: number; length: number }[] }) =>
  entities.map(({ type, offset, length }): Shape => [type, offset, length])

/** What Telegram's own tests expect (tdlib, test/message_entities.cpp). */
const read: [source: string, text: string, entities: Shape[]][] = [
  ['\\\\\\_\\*\\`', '\\_*`', []],
  ['🏟 🏟_abac \\* asd _', '🏟 🏟abac * asd ', [['italic', 5, 11]]],
  [
    '🏟 🏟_🏟 __🏟___',
    '🏟 🏟🏟 🏟',
    [
      ['italic', 5, 5],
      ['underline', 8, 2],
    ],
  ],
  ['🏟 🏟`🏟 🏟```', '🏟 🏟🏟 🏟', [['code', 5, 5]]],
  ['🏟 🏟```🏟\r\n🏟```', '🏟 🏟🏟', [['pre', 5, 2]]],
  ['🏟 🏟```🏟\n\n🏟```', '🏟 🏟\n🏟', [['pre', 5, 3]]],
  ['🏟 🏟**', '🏟 🏟', []],
  ['||test||', 'test', [['spoiler', 0, 4]]],
  ['[ ](as)', ' ', []],
  ['[telegram\\.org]a', 'telegram.orga', [['text_link', 0, 12]]],
  ['🏟 🏟![👍](TG://EMoJI/?test=1231&id=25#id=32)a', '🏟 🏟👍a', [['custom_emoji', 5, 2]]],
  ['> \\>\n \\> \n>', ' >\n > \n', [['blockquote', 0, 3]]],
  ['abc\n> \n> \n>\ndef', 'abc\n \n \n\ndef', [['blockquote', 4, 5]]],
  [
    '>\n**>2',
    '\n2',
    [
      ['blockquote', 0, 1],
      ['blockquote', 1, 1],
    ],
  ],
  [
    '*a\n>b\n>ld \n>bo\n>ld\nasd*\ndef',
    'a\nb\nld \nbo\nld\nasd\ndef',
    [
      ['bold', 0, 17],
      ['blockquote', 2, 12],
    ],
  ],
  [
    '>`b\n>ld \n>bo\nld`\n>asd\ndef',
    'b\n>ld \n>bo\nld\nasd\ndef',
    [
      ['blockquote', 0, 18],
      ['code', 0, 13],
    ],
  ],
  [
    '>asd\r\n>q||e||w||\r\nasdad',
    'asd\r\nqew\r\nasdad',
    [
      ['expandable_blockquote', 0, 10],
      ['spoiler', 6, 1],
    ],
  ],
  [
    '>asd\n>q||ew||\nasdad',
    'asd\nqew\nasdad',
    [
      ['blockquote', 0, 8],
      ['spoiler', 5, 2],
    ],
  ],
  ['>||', '', []],
]

const refused: [source: string, complaint: string][] = [
  ['1.0', "Character '.' is reserved and must be escaped with the preceding '\\'"],
  ['🏟 🏟_abac * asd _', "Can't find end of Italic entity at byte offset 21"],
  ['🏟 🏟```a', "Can't find end of Pre entity at byte offset 9"],
  ['🏟 🏟```a ', "Can't find end of PreCode entity at byte offset 9"],
  ['🏟 🏟_🏟 🏟__', "Can't find end of Underline entity at byte offset 19"],
  ['🏟 🏟```🏟 🏟`', "Can't find end of Code entity at byte offset 21"],
  ['[telegram\\.org](asd\\)', "Can't find end of a URL at byte offset 16"],
  ['🏟 🏟__🏟 _🏟___', "Can't find end of Italic entity at byte offset 23"],
  ['🏟 🏟!', "Character '!' is reserved and must be escaped with the preceding '\\'"],
  ['🏟 🏟![👍]', 'Custom emoji entity must contain a tg://emoji URL'],
  ['🏟 🏟![👍](t://emoji?id=1234)', 'Custom emoji URL must have scheme tg'],
  ['🏟 🏟![👍](tg:emojis?id=1234)', 'Custom emoji URL must have host "emoji"'],
  ['🏟 🏟![👍](tg://emoji#test)', 'Custom emoji URL must have an emoji identifier'],
  ['🏟 🏟![👍](tg://emoji?test=1231&id=025)', 'Invalid custom emoji identifier specified'],
  ['>*b\n>ld \n>bo\nld*\nasd\ndef', "Can't find end of Bold entity at byte offset 1"],
  ['>\n*a*>2', "Character '>' is reserved and must be escaped with the preceding '\\'"],
  ['>asd\n>q||e||w||\n||asdad', "Can't find end of Spoiler entity at byte offset 16"],
  ['>asd\n>q||ew\n||asdad', "Can't find end of Spoiler entity at byte offset 7"],
  ['>asd\n>q||e||w__\n||asdad', "Can't find end of Underline entity at byte offset 13"],
]

describe('fake Bot API: Markdown', () => {
  for (const [source, text, entities] of read) {
    it(`reads ${JSON.stringify(source)} as Telegram does`, () => {
      const parsed = parseMarkdownV2(source)
      expect(parsed.text).to.equal(text)
      expect(shapesOf(parsed)).to.deep.equal(entities)
    })
  }

  for (const [source, complaint] of refused) {
    it(`refuses ${JSON.stringify(source)} with Telegram's words`, () => {
      expect(() => parseMarkdownV2(source)).to.throw(
        `Bad Request: can't parse entities: ${complaint}`,
      )
    })
  }

  it('keeps the address of a link and the language of code', () => {
    const { entities } = parseMarkdownV2('[a](https://telegram.dog?\\\\\\() ```sh\nls```')
    expect(entities).to.deep.equal([
      { type: 'text_link', offset: 0, length: 1, url: 'https://telegram.dog/?\\(' },
      { type: 'pre', offset: 2, length: 2, language: 'sh' },
    ])
  })

  it('reads the old style, which nests nothing', () => {
    const parsed = parseMarkdown('*bold_* _it_ [x](https://e.org) `c` ```sh\nls``` \\_ 1.0!')
    expect(parsed.text).to.equal('bold_ it x c ls _ 1.0!')
    expect(shapesOf(parsed)).to.deep.equal([
      ['bold', 0, 5],
      ['italic', 6, 2],
      ['text_link', 9, 1],
      ['code', 11, 1],
      ['pre', 13, 2],
    ])
    expect(() => parseMarkdown('🏟 *open')).to.throw(
      "can't parse entities: Can't find end of the entity starting at byte offset 5",
    )
  })
})

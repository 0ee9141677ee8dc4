import { expect } from 'chai'
import type { TestPerson } from 'opsgram/testing'

/** A block of code in a page of the documentation. */
export interface GuideBlock {
  /** The heading above it. */
  readonly heading: string
  readonly line: number
  readonly language: string
  /** The path after the language: this block is that file. */
  readonly file?: string
  /** A word after the path, such as `broken`. */
  readonly flag?: string
  readonly text: string
}

/** The fenced blocks of a Markdown page: three backticks, then `ts plugins/duty/index.ts broken`. */
export function blocksOf(page: string): GuideBlock[] {
  const blocks: GuideBlock[] = []
  let heading = ''
  let open: { info: string; line: number; lines: string[] } | undefined
  for (const [index, line] of page.split('\n').entries()) {
    if (open === undefined) {
      heading = /^#+ (.+)/.exec(line)?.[1] ?? heading
      const info = /^```(.+)/.exec(line)?.[1]
      if (info !== undefined) open = { info, line: index + 1, lines: [] }
    } else if (line === '```') {
      const [language = '', file, flag] = open.info.split(' ')
      blocks.push({
        heading,
        line: open.line,
        language,
        ...(file === undefined ? {} : { file }),
        ...(flag === undefined ? {} : { flag }),
        text: open.lines.map((each) => `${each}\n`).join(''),
      })
      open = undefined
    } else open.lines.push(line)
  }
  return blocks
}

/**
 * Holds a conversation as a `chat` block tells it: `Olga: /duty`, `bot: Nobody.`, `Olga: [a button]`, `alert: No.` for
 * what a press was answered with, `bot to Pavel: Hello.` for what somebody sees who said nothing. `{{id}}` is the own
 * id, `{{errorId}}` any.
 */
export async function talk(text: string, people: ReadonlyMap<string, TestPerson>): Promise<void> {
  let last: TestPerson | undefined
  const lines = /^(?:bot to (\w+)|(\w+)): (.*(?:\n {2}.*)*)/gm
  for (const [, reader, name = 'bot', said = ''] of text.matchAll(lines)) {
    if (reader !== undefined) last = people.get(reader)
    const line = said.replaceAll('\n  ', '\n')
    if (name === 'bot') {
      const seen = await last?.sees()
      const errorId = /E-[A-Z0-9]{5}/.exec(seen?.text ?? '')?.[0] ?? 'no id'
      const told = line.replace('{{id}}', String(last?.id)).replace('{{errorId}}', errorId)
      expect(seen?.text).to.equal(told)
      continue
    }
    if (name === 'alert') {
      await last?.seesAlert(line)
      continue
    }
    last = people.get(name)
    const button = /^\[(.+)\]$/.exec(line)?.[1]
    if (button === undefined) await last?.sends(line)
    else await last?.presses(button)
  }
}

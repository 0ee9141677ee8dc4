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

import { type Html, html, pre } from './html.ts'
import { cutTo, oneLine, widthOf } from './width.ts'

/** What may stand in a cell; numbers stand at its right. */
export type Cell = string | number | bigint | null | undefined

export interface TableOptions {
  /** Above the columns. */
  readonly head?: readonly string[]
  /** How many columns of the font it may take; default 34: what a phone shows of a fixed-width block without breaking lines. */
  readonly width?: number
}

const phoneWidth = 34
const gap = '  '
/** A column with less tells nothing. */
const leastWidth = 5

/**
 * A table in a fixed-width block that reads well on a phone: cells that are too long are cut, the longest columns first;
 * where that would leave too little, each row becomes a block of lines, `name: value`.
 */
export function table(rows: readonly (readonly Cell[])[], options: TableOptions = {}): Html {
  const { head, width = phoneWidth } = options
  const names = head?.map(oneLine)
  const lines = rows.map((row) => row.map((cell) => oneLine(String(cell ?? ''))))
  const shown = names === undefined ? lines : [names, ...lines]
  const count = Math.max(0, ...shown.map((line) => line.length))
  const columns = Array.from({ length: count }, (_, index) => ({
    width: Math.max(0, ...shown.map((line) => widthOf(line[index] ?? ''))),
    isNumeric:
      rows.some((row) => isNumber(row[index])) && rows.every((row) => isNumber(row[index] ?? 0)),
  }))
  const widths = fitted(
    columns.map((column) => column.width),
    width - gap.length * (count - 1),
  )
  if (widths === undefined) return blocks(names, lines)
  const lineOf = (line: readonly string[]): string =>
    widths
      .map((room, index) =>
        padded(cutTo(line[index] ?? '', room), room, columns[index]?.isNumeric === true),
      )
      .join(gap)
      .trimEnd()
  const rule = names === undefined ? [] : [widths.map((room) => '─'.repeat(room)).join(gap)]
  const [top, ...rest] = shown.map(lineOf)
  return pre(
    (names === undefined ? [top ?? '', ...rest] : [top ?? '', ...rule, ...rest]).join('\n'),
  )
}

/** Widths that go into the room: the widest give way first. Undefined: too little would be left of them. */
function fitted(wanted: readonly number[], room: number): readonly number[] | undefined {
  const widths = [...wanted]
  let over = widths.reduce((sum, width) => sum + width, 0) - room
  for (; over > 0; over--) {
    const widest = Math.max(...widths)
    if (widest <= leastWidth) return undefined
    widths[widths.lastIndexOf(widest)] = widest - 1
  }
  return widths
}

function blocks(names: readonly string[] | undefined, lines: readonly (readonly string[])[]): Html {
  const parts = lines.map((line) =>
    line
      .map((cell, index) => ({ name: names?.[index], cell }))
      .filter(({ cell }) => cell !== '')
      .map(({ name, cell }) =>
        name === undefined ? html`${cell}` : html`<b>${name}</b>: ${cell}`,
      ),
  )
  return html`${parts.map((part, index) => [
    index === 0 ? '' : '\n\n',
    part.map((line, at) => [at === 0 ? '' : '\n', line]),
  ])}`
}

function padded(text: string, width: number, right: boolean): string {
  const blanks = ' '.repeat(Math.max(0, width - widthOf(text)))
  return right ? blanks + text : text + blanks
}

function isNumber(cell: Cell): boolean {
  return typeof cell === 'number' || typeof cell === 'bigint'
}

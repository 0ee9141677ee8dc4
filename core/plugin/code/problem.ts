import { readFile } from 'node:fs/promises'
import { type ErrorCode, OpsError } from '../../errors.ts'
import { type PluginFolder, shownPath } from './folder.ts'

/** A place in a saved source file. */
export interface Position {
  /** Absolute path. */
  readonly file: string
  /** From 1. */
  readonly line: number
  /** From 1, in UTF-16 units. */
  readonly column: number
}

/** One thing that is wrong in a plugin's source. */
export interface Problem extends Position {
  readonly text: string
}

/** How many lines a code frame shows on each side of the line at fault. */
const FRAME_CONTEXT = 3

/**
 * A coded error about places in a plugin's source. Its message begins with the first place as people
 * write it (`plugins/worklog/sheets.ts:3:7: …`); `details` holds `plugin`, the absolute `file`, `line`,
 * `column`, a code `frame` and all `problems`.
 */
export async function problemError(
  code: ErrorCode,
  folder: PluginFolder,
  problems: readonly [Problem, ...Problem[]],
  options: { hint?: string; cause?: unknown } = {},
): Promise<OpsError> {
  const [first, ...more] = problems
  const { file, line, column } = first
  const source = await readFile(file, 'utf8').catch(() => undefined)
  const place = `${shownPath(folder.root, file)}:${line}:${column}`
  const rest = more.length === 0 ? '' : ` (and ${more.length} more)`
  return new OpsError(code, `${place}: ${first.text}${rest}`, {
    ...options,
    details: {
      plugin: folder.name,
      file,
      line,
      column,
      ...(source === undefined ? {} : { frame: codeFrame(source, line, column) }),
      problems,
    },
  })
}

/** The lines around a place, numbered, with a caret under the column. */
export function codeFrame(source: string, line: number, column: number): string {
  const lines = source.split(/\r?\n/)
  const first = Math.max(1, line - FRAME_CONTEXT)
  const last = Math.min(lines.length, line + FRAME_CONTEXT)
  const width = String(last).length
  const frame: string[] = []
  for (let number = first; number <= last; number++) {
    const text = lines[number - 1] ?? ''
    const mark = number === line ? '>' : ' '
    frame.push(`${mark} ${String(number).padStart(width)} | ${text}`.trimEnd())
    if (number !== line) continue
    // tabs stay tabs, so that the caret stands under its column however wide they are shown
    const before = text.slice(0, column - 1).replace(/[^\t]/g, ' ')
    frame.push(`  ${' '.repeat(width)} | ${before}^`)
  }
  return frame.join('\n')
}

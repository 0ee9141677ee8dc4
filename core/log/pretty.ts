import { styleText } from 'node:util'
import type { Plain } from './plain.ts'

/** One line of the log before it is written: plain and without secrets. */
export interface Line {
  readonly time: string
  readonly level: string
  readonly event: string
  readonly [field: string]: Plain
}

const colours = { error: 'red', warn: 'yellow', info: 'green', debug: 'gray' } as const

/** A line for people: time of day, level, event, `field=value`; errors below it with hint and stack. */
export function pretty(line: Line, colour: boolean): string {
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    // whether to colour was decided by who knows the stream
    colour ? styleText(style, text, { validateStream: false }) : text
  const { time, level, event, ...fields } = line
  const style = level in colours ? colours[level as keyof typeof colours] : 'white'
  const head = `${paint('dim', time.slice(11, 23))} ${paint(style, level.toUpperCase().padEnd(5))} ${paint('bold', visible(event))}`
  const inline: string[] = []
  const below: string[] = []
  for (const [name, value] of Object.entries(fields)) {
    if (isError(value)) below.push(...errorLines(name, value, paint))
    else inline.push(`${paint('dim', `${visible(name)}=`)}${valueText(value)}`)
  }
  return [[head, ...inline].join(' '), ...below].join('\n')
}

type Paint = (style: 'dim' | 'red' | 'yellow', text: string) => string
type PlainError = { [key: string]: Plain; name: string; message: string; stack: string }

function isError(value: Plain | undefined): value is PlainError {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    typeof value.name === 'string' &&
    typeof value.message === 'string' &&
    typeof value.stack === 'string'
  )
}

function errorLines(name: string, error: PlainError, paint: Paint): string[] {
  const label = error.code === undefined ? error.name : String(error.code)
  const frames = error.stack.split('\n').filter((line) => /^\s+at /.test(line))
  const lines = [
    `  ${paint('red', `${visible(name)}: ${visible(label)}`)} ${visible(error.message)}`,
  ]
  if (typeof error.hint === 'string') lines.push(`  ${paint('yellow', `→ ${visible(error.hint)}`)}`)
  for (const [key, value] of Object.entries(error)) {
    if (shownAlready.has(key)) continue
    if (isError(value)) lines.push(...errorLines(key, value, paint).map((line) => `  ${line}`))
    else lines.push(`  ${paint('dim', `${visible(key)}=`)}${valueText(value)}`)
  }
  // the stack of a cause repeats most of its error's: the innermost one tells where it began
  if (!isError(error.cause)) {
    lines.push(...frames.map((frame) => paint('dim', `    ${visible(frame.trim())}`)))
  }
  return lines
}

const shownAlready: ReadonlySet<string> = new Set(['name', 'code', 'message', 'hint', 'stack'])

function valueText(value: Plain | undefined): string {
  if (typeof value === 'string' && /^[^\s"=]+$/.test(value)) return visible(value)
  return visible(JSON.stringify(value) ?? '')
}

/** Text from outside must not move the cursor or forge lines on an operator's terminal. */
function visible(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to be shown
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (character) =>
      character === '\n' ? '\n    ' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

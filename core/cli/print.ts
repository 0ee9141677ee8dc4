import { isAbsolute, relative } from 'node:path'
import type { OpsError } from '../errors.ts'

/** One error as people read it: code, what happened, the lines at fault, what to do. */
export function printError({ code, message, hint, details }: OpsError): void {
  console.error(`${code}: ${message}`)
  if (typeof details.frame === 'string') console.error(indented(details.frame))
  console.error(`  → ${hint.replaceAll('\n', '\n    ')}`)
}

export function indented(text: string, width = 4): string {
  return text.replace(/^/gm, ' '.repeat(width))
}

/** A path as short as it can be said from the current folder. */
export function pathFromHere(path: string): string {
  const short = relative('.', path)
  return short === '' || short.startsWith('..') || isAbsolute(short) ? path : short
}

import { extname } from 'node:path'
import type { TestRunner } from './next-steps.ts'

/** What a template can hold beyond a command with a button; each has a folder of its own. */
export const extras = ['entity'] as const
export type Extra = (typeof extras)[number]

/** The name that the plugins in `templates/` have. */
export const templateName = 'sample'

/** What they say of themselves, by language. */
const templateDescriptions = ['What sample does', 'Что делает sample']

/** One file of a template with the new plugin's name and description in it. */
export function fillTemplate(
  path: string,
  text: string,
  { name, description }: { name: string; description: string | undefined },
  runner: TestRunner,
): string {
  // the new plugin's own words may hold the template's name: they go in last
  const marked =
    description === undefined
      ? text
      : templateDescriptions.reduce((left, words) => left.replaceAll(words, '\0'), text)
  const imports =
    runner === 'node' && path.endsWith('.test.ts')
      ? "import { after, before, describe, it } from 'node:test'\n"
      : ''
  return `${imports}${marked}`
    .replaceAll(templateName, name)
    .replaceAll('Sample', `${name.charAt(0).toUpperCase()}${name.slice(1)}`)
    .replaceAll('\0', () => quoted(path, description ?? ''))
}

/** As it stands between the quotes that the template has around it. */
function quoted(path: string, text: string): string {
  if (extname(path) === '.ts') return text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")
  return extname(path) === '.json' ? JSON.stringify(text).slice(1, -1) : text
}

import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { reservedPluginNames, sections } from '../../config/names.ts'
import type { Section, Variable } from '../../config/variable.ts'
import { codeOf, errorCodes } from '../errors.ts'
import { guidePages } from './guide.ts'
import { commandUsages } from './usage.ts'

/** A file that is written from the code and must say what the code says. */
export interface GeneratedFile {
  /** Relative to the root of the checkout. */
  readonly path: string
  readonly text: string
}

const root = resolve(import.meta.dirname, '../..')

/** `.env.example` and the generated pages of `docs/`, as they have to be now. */
export function generatedFiles(): GeneratedFile[] {
  return [
    { path: '.env.example', text: envExample() },
    { path: 'docs/configuration.md', text: configurationPage() },
    { path: 'docs/errors.md', text: errorsPage() },
    { path: 'docs/commands.md', text: commandsPage() },
    ...guidePages(root),
  ]
}

/** Paths of the generated files whose text on disk differs or which are missing. */
export function staleFiles(): string[] {
  return generatedFiles()
    .filter(({ path, text }) => textOf(resolve(root, path)) !== text)
    .map(({ path }) => path)
}

/**
 * `opsgram config`: prints an example `.env`; `--write` writes all generated files of this checkout,
 * `--check` names the stale ones. Returns the exit code.
 */
export function configCommand(args: readonly string[]): number {
  const { values } = parseArgs({
    args: [...args],
    options: { write: { type: 'boolean' }, check: { type: 'boolean' } },
  })
  if (values.check) {
    const stale = staleFiles()
    for (const path of stale) console.error(`${path} is stale: npm run generate`)
    return stale.length === 0 ? 0 : 1
  }
  if (values.write) {
    for (const path of staleFiles()) console.log(`${path} written`)
    for (const { path, text } of generatedFiles()) writeFileSync(resolve(root, path), text)
    return 0
  }
  console.log(envExample().trimEnd())
  return 0
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function envExample(): string {
  const lines = [
    '# Copy this file to .env and take the # from the lines you need. Nothing is required: without',
    '# BOT_TOKEN the playground starts. Variables of the real environment win over this file.',
    '# Written from the code (npm run generate); docs/configuration.md says the same at more length.',
  ]
  for (const { title, variables } of sections) {
    lines.push('', `# ── ${title} ${'─'.repeat(Math.max(4, 70 - title.length))}`)
    for (const [name, variable] of Object.entries(variables)) {
      lines.push('', ...wrap(variable.description), ...wrap(`Accepted: ${variable.accepted}.`))
      if (variable.fallbackText !== undefined)
        lines.push(...wrap(`Default: ${variable.fallbackText}.`))
      lines.push(`#${name}=${variable.fallback ?? variable.example ?? ''}`)
    }
  }
  return `${lines.join('\n')}\n`
}

function wrap(text: string): string[] {
  const lines: string[] = []
  let line = '#'
  for (const word of text.split(' ')) {
    if (line.length + word.length + 1 > 100) {
      lines.push(line)
      line = '#'
    }
    line += ` ${word}`
  }
  return [...lines, line]
}

const written = '<!-- Written from the code by `npm run generate`; edits here are lost. -->'

function configurationPage(): string {
  return `${written}
# Configuration

Everything is set by environment variables. A file named \`.env\` in the folder where the program
starts is read, too; the real environment wins over it, and a blank value counts as not set. Values may be quoted
(\`"…"\` with \`\\n\` for line breaks, or over several lines; \`'…'\` as it stands), \`#\` begins a comment.

A value that is not accepted stops the start with one error that names the variable, what was given
(never a secret) and what is accepted. \`.env.example\` holds all variables with their defaults.

${sections.map(sectionTable).join('\n\n')}

## Variables of plugins

\`<PLUGIN>_<KEY>\` sets the value \`key\` of a plugin's \`config\`: \`WORKLOG_SPREADSHEET_ID\` is
\`spreadsheetId\` of \`worklog\`. The plugin's own schema says what is accepted; a value that is not
fails that plugin alone (\`OPS_PLUGIN_CONFIG\`). A change of such a line in \`.env\` reloads the plugin;
a change of a variable above takes effect at the next start.

No plugin may be named by the first word of a variable above: ${[...reservedPluginNames]
    .sort()
    .map((name) => `\`${name}\``)
    .join(', ')}.
`
}

function sectionTable({ title, variables }: Section): string {
  const rows = Object.entries(variables).map(
    ([name, variable]) =>
      `| \`${name}\` | ${defaultText(variable)} | ${cell(variable.accepted)} | ${cell(variable.description)} |`,
  )
  return [
    `## ${title}`,
    '',
    '| name | default | accepted | meaning |',
    '|---|---|---|---|',
    ...rows,
  ].join('\n')
}

function defaultText({ fallback, fallbackText }: Variable<unknown>): string {
  if (fallbackText !== undefined) return cell(fallbackText)
  return fallback === undefined ? 'none' : `\`${fallback}\``
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
}

function commandsPage(): string {
  const entries = Object.entries(commandUsages).map(
    ([name, { usage, summary, details }]) =>
      `## ${name}\n\n\`\`\`sh\nnpx opsgram ${usage}\n\`\`\`\n\n${capital(summary)}. ${details}`,
  )
  return `${written}
# Commands

For authors of plugins and for who runs a bot; in this checkout and in every project that depends on opsgram.
\`npx opsgram help\` lists them, \`npx opsgram help COMMAND\` says what stands here. Exit code 0: all went well; 1: it did
not, and one coded error or the findings say why ([errors.md](errors.md)).

${entries.join('\n\n')}
`
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function errorsPage(): string {
  const entries = Object.entries(errorCodes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { title, hint }]) => `## ${code}\n\n${title}.\n\n**What to do:** ${hint}`)
  return `${written}
# Errors

Every error of Opsgram has a code that stays the same over versions. The log line, the card in Telegram
and the terminal say what happened this time; this page says what the code means in general.

${entries.join('\n\n')}
`
}

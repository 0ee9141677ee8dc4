import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'
import { reservedPluginNames } from '../../../config/names.ts'
import { OpsError } from '../../errors.ts'
import { findPluginFolders } from '../../plugin/code/folder.ts'
import { nearest } from '../../plugin/code/nearest.ts'
import { pathFromHere } from '../print.ts'
import { configuredRoots } from '../roots.ts'
import { fillTemplate, templateName } from './template.ts'

const templates = resolve(import.meta.dirname, '../templates')

/** What a template can hold beyond a command with a button; each has a folder of its own. */
const extras = ['entity'] as const
type Extra = (typeof extras)[number]

interface Wish {
  readonly name: string
  readonly description: string | undefined
  readonly extra: Extra | undefined
  /** Where plugin folders lie. */
  readonly dir: string
}

/** `opsgram new`: writes a plugin that answers, has a test and passes `opsgram check`. */
export async function newCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      dir: { type: 'string' },
      with: { type: 'string', multiple: true },
      description: { type: 'string' },
    },
  })
  if (positionals.length > 1) {
    throw new OpsError('OPS_CLI_USAGE', `One name is expected, not ${positionals.length}`)
  }
  const roots = configuredRoots()
  const dir = resolve(values.dir ?? roots[0] ?? 'plugins')
  const given = {
    name: positionals[0],
    description: values.description,
    extra: readExtra(values.with),
  }
  const wish: Wish = {
    dir,
    ...(given.name === undefined && process.stdin.isTTY
      ? await ask(given)
      : { ...given, name: given.name ?? missingName() }),
  }
  await refuse(wish, [...roots, dir])
  const folder = join(wish.dir, wish.name)
  await write(wish, folder)
  const shown = pathFromHere(folder)
  const steps = [
    `npx opsgram check ${shown}`,
    // npm test runs the plugins of the project alone
    ...(shown.startsWith('plugins') ? [`npm test -- ${shown}`] : []),
  ]
  console.log(`${shown} is written; its README tells what is where. Next:\n`)
  for (const step of steps) console.log(`  ${step}`)
  const live = roots.includes(dir)
    ? `A running bot answers /${wish.name} already.`
    : `A bot loads it with PLUGINS_DIR=…,${dir}`
  console.log(`\n${live}`)
  return 0
}

function readExtra(words: readonly string[] | undefined): Extra | undefined {
  const all = (words ?? []).flatMap((word) => word.split(','))
  for (const word of all) {
    if (extras.some((extra) => extra === word)) continue
    const near = nearest(word, extras)
    throw new OpsError('OPS_CLI_USAGE', `--with ${word}: accepted: ${extras.join(', ')}`, {
      ...(near === undefined ? {} : { hint: `Did you mean --with ${near}?` }),
    })
  }
  return extras.find((extra) => all.includes(extra))
}

async function ask(given: Omit<Wish, 'name' | 'dir'>): Promise<Omit<Wish, 'dir'>> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    const name = (await terminal.question('Name (2–16 of a–z and 0–9): ')).trim()
    const description =
      given.description ?? (await terminal.question('What does it do, in one line? ')).trim()
    const entity =
      given.extra ??
      (/^y/i.test(await terminal.question('Does it keep data of its own? [y/N] '))
        ? 'entity'
        : undefined)
    return { name, description: description === '' ? undefined : description, extra: entity }
  } finally {
    terminal.close()
  }
}

function missingName(): never {
  throw new OpsError('OPS_CLI_USAGE', 'A name for the plugin is missing', {
    hint: 'opsgram new NAME',
  })
}

async function refuse({ name, dir, description }: Wish, roots: readonly string[]): Promise<void> {
  if (!/^[a-z][a-z0-9]{1,15}$/.test(name)) {
    throw new OpsError('OPS_PLUGIN_NAME', `"${name}" can't be the name of a plugin`)
  }
  if (reservedPluginNames.has(name)) {
    throw new OpsError('OPS_PLUGIN_NAME', `"${name}" is a reserved name`, {
      hint: `Its settings would be named like the core's own (${name.toUpperCase()}_…). Choose another one.`,
    })
  }
  if (description?.includes('\n') === true || (description?.length ?? 0) > 256) {
    throw new OpsError('OPS_CLI_USAGE', 'The description is one line of at most 256 characters')
  }
  const taken = (await findPluginFolders([...new Set(roots)])).find((found) => found.name === name)
  const path = taken?.dir ?? join(dir, name)
  if (taken !== undefined || (await stat(path).catch(() => undefined)) !== undefined) {
    throw new OpsError('OPS_CLI_EXISTS', `There is a plugin named ${name} already: ${path}`)
  }
}

async function write(wish: Wish, folder: string): Promise<void> {
  const template = join(templates, wish.extra ?? 'plain')
  const files = await readdir(template, { recursive: true, withFileTypes: true })
  const paths = files
    .filter((file) => file.isFile())
    .map((file) => relative(template, join(file.parentPath, file.name)))
    // last, so that a bot that watches finds a whole plugin
    .sort((a, b) => Number(a === 'index.ts') - Number(b === 'index.ts'))
  try {
    for (const path of paths) {
      const target = join(folder, path.replace(templateName, wish.name))
      await mkdir(dirname(target), { recursive: true })
      await writeFile(
        target,
        fillTemplate(path, await readFile(join(template, path), 'utf8'), wish),
      )
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

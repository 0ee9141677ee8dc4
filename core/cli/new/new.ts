import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { reservedPluginNames } from '../../../config/names.ts'
import { messageOf, OpsError } from '../../errors.ts'
import { findPluginFolders } from '../../plugin/code/folder.ts'
import { nearest } from '../../plugin/code/nearest.ts'
import { configuredRoots } from '../roots.ts'
import { onTerminal } from '../terminal.ts'
import { nextSteps, runnerFor, type TestRunner } from './next-steps.ts'
import { complete, type Wish } from './questions.ts'
import { type Extra, extras, fillTemplate, templateName } from './template.ts'

const templates = resolve(import.meta.dirname, '../templates')

type NamedWish = Wish & { readonly name: string }

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
  const all = [...roots, dir]
  refuseDescription(given.description)
  if (given.name !== undefined) await refuseName(given.name, dir, all)
  const wish =
    given.name === undefined
      ? await askFor(given, (name) => complaintAbout(name, dir, all))
      : { ...given, name: given.name }
  refuseDescription(wish.description)
  const folder = join(dir, wish.name)
  const runner = runnerFor(folder)
  await write(wish, folder, runner)
  console.log(nextSteps(folder, runner, roots.includes(dir)))
  return 0
}

function askFor(given: Wish, complaint: (name: string) => Promise<string | undefined>) {
  if (process.stdin.isTTY) return onTerminal((ask) => complete(given, ask, complaint))
  throw new OpsError('OPS_CLI_USAGE', 'A name for the plugin is missing', {
    hint: 'opsgram new NAME',
  })
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

async function refuseName(name: string, dir: string, roots: readonly string[]): Promise<void> {
  if (!/^[a-z][a-z0-9]{1,15}$/.test(name)) {
    throw new OpsError('OPS_PLUGIN_NAME', `"${name}" can't be the name of a plugin`)
  }
  if (reservedPluginNames.has(name)) {
    throw new OpsError('OPS_PLUGIN_NAME', `"${name}" is a reserved name`, {
      hint: `Its settings would be named like the core's own (${name.toUpperCase()}_…). Choose another one.`,
    })
  }
  const taken = (await findPluginFolders([...new Set(roots)])).find((found) => found.name === name)
  const path = taken?.dir ?? join(dir, name)
  if (taken !== undefined || existsSync(path)) {
    throw new OpsError('OPS_CLI_EXISTS', `There is a plugin named ${name} already: ${path}`)
  }
}

/** What a person who is asked for a name is told of this one, if it won't do. */
async function complaintAbout(...about: Parameters<typeof refuseName>) {
  try {
    await refuseName(...about)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

function refuseDescription(description: string | undefined): void {
  if (description?.includes('\n') === true || (description?.length ?? 0) > 256) {
    throw new OpsError('OPS_CLI_USAGE', 'The description is one line of at most 256 characters')
  }
}

async function write(wish: NamedWish, folder: string, runner: TestRunner): Promise<void> {
  const template = join(templates, wish.extra ?? 'plain')
  const files = await readdir(template, { recursive: true, withFileTypes: true })
  const paths = files
    .filter((file) => file.isFile())
    .map((file) => relative(template, join(file.parentPath, file.name)))
  // no plugin by its name, so that a bot that watches finds a whole one
  const draft = join(dirname(folder), `.${wish.name}.${process.pid}`)
  try {
    for (const path of paths) {
      const target = join(draft, path.replace(templateName, wish.name))
      await mkdir(dirname(target), { recursive: true })
      await writeFile(
        target,
        fillTemplate(path, await readFile(join(template, path), 'utf8'), wish, runner),
      )
    }
    await rename(draft, folder)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

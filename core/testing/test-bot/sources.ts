import { cp, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { OpsError } from '../../errors.ts'
import type { PluginFolder } from '../../plugin/code/folder.ts'

/** Files of a plugin by path inside its folder; null takes a file away. */
export type PluginFiles = Readonly<Record<string, string | null>>

/** The first-party plugin without which every update is refused. */
const authFolder = resolve(import.meta.dirname, '../../../plugins/auth')

/** Where the plugins of one test bot lie: named ones at their place, dropped ones in a folder of the bot. */
export class PluginSources {
  /** Folder of everything that this bot puts on disk. */
  readonly home: string
  /** Where dropped plugins lie. */
  readonly root: string
  readonly #named: ReadonlyMap<string, string>

  private constructor(home: string, named: ReadonlyMap<string, string>) {
    this.home = home
    this.root = join(home, 'plugins')
    this.#named = named
  }

  /** @throws OPS_TEST_MISSING when a path is no plugin folder */
  static async open(paths: readonly string[]): Promise<PluginSources> {
    const named = new Map<string, string>()
    for (const path of paths) {
      const dir = resolve(path)
      if (!(await stat(dir).catch(() => undefined))?.isDirectory()) {
        throw new OpsError('OPS_TEST_MISSING', `There is no plugin folder ${dir}`, {
          hint: "Paths in createTestBot({ plugins }) are relative to the folder in which the tests are run: './plugins/worklog'.",
          details: { path },
        })
      }
      named.set(basename(dir), dir)
    }
    if (!named.has('auth')) named.set('auth', authFolder)
    const home = await mkdtemp(join(tmpdir(), 'opsgram-bot-'))
    await mkdir(join(home, 'plugins'))
    return new PluginSources(home, named)
  }

  get roots(): string[] {
    const own = [...this.#named.values()].map((dir) => dirname(dir))
    return [...new Set([this.root, ...own])]
  }

  accepts({ name, dir, root }: PluginFolder): boolean {
    return root === this.root || this.#named.get(name) === dir
  }

  /** Writes files of a dropped plugin. @throws OPS_TEST_MISSING for one that lies elsewhere */
  async write(name: string, files: PluginFiles): Promise<void> {
    const named = this.#named.get(name)
    if (named !== undefined && !(await isFolder(join(this.root, name)))) {
      throw new OpsError(
        'OPS_TEST_MISSING',
        `Plugin ${name} lies in ${named}; a test changes only what it has dropped itself`,
        {
          hint: `Name the plugin in \`copies\` instead of \`plugins\`: createTestBot({ copies: ['./plugins/${name}'] })`,
        },
      )
    }
    for (const [file, text] of Object.entries(files)) {
      const path = join(this.root, name, file)
      if (text === null) await rm(path, { force: true })
      else {
        await mkdir(dirname(path), { recursive: true })
        await writeFile(path, text)
      }
    }
  }

  /** Copies a plugin folder, so that the test may change it. */
  async copy(path: string): Promise<void> {
    await cp(resolve(path), join(this.root, basename(resolve(path))), { recursive: true })
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.root, name), { recursive: true, force: true })
  }

  async close(): Promise<void> {
    await rm(this.home, { recursive: true, force: true })
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true
}

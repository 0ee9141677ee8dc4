import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { OpsError } from '../../../../core/errors.ts'
import type { PluginBuild } from '../../../../core/plugin/code/build.ts'
import { buildPlugin } from '../../../../core/plugin/code/build.ts'
import { type EvaluatedPlugin, evaluatePlugin } from '../../../../core/plugin/code/evaluate.ts'
import type { PluginFolder } from '../../../../core/plugin/code/folder.ts'
import { PluginStacks } from '../../../../core/plugin/code/stack.ts'

/** A temporary folder that holds one or more roots of plugin folders. */
export class Workshop {
  readonly dir = realpathSync(mkdtempSync(path.join(tmpdir(), 'opsgram-code-')))
  readonly root = path.join(this.dir, 'plugins')
  readonly stacks = new PluginStacks()

  /** Writes files, by path below the temporary folder (`plugins/p/index.ts`). */
  write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
      const file = this.path(name)
      mkdirSync(path.dirname(file), { recursive: true })
      writeFileSync(file, text)
    }
  }

  path(name: string): string {
    return path.join(this.dir, name)
  }

  folder(name = 'p'): PluginFolder {
    return { name, dir: path.join(this.root, name), root: this.root }
  }

  build(name = 'p', roots = [this.root]): Promise<PluginBuild> {
    return buildPlugin(this.folder(name), { roots })
  }

  async load(name = 'p'): Promise<EvaluatedPlugin> {
    return this.evaluate(await this.build(name))
  }

  evaluate(build: PluginBuild, timeoutMs = 20_000): Promise<EvaluatedPlugin> {
    const importShared = (specifier: string) => import(specifier)
    return evaluatePlugin(build, { importShared, timeoutMs, stacks: this.stacks })
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true })
  }
}

/** The coded error that a promise is expected to fail with. */
export async function failure(promise: Promise<unknown>): Promise<OpsError> {
  const outcome = await promise.then(
    (value) => new Error(`did not fail, but gave ${String(value)}`),
    (error: unknown) => error,
  )
  if (outcome instanceof OpsError) return outcome
  throw outcome
}

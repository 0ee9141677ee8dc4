import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { OpsError } from '../errors.ts'
import { checkoutRunner } from './roots.ts'

/** `opsgram test`: runs the tests of plugins on the Node that the bot runs on. @returns the runner's exit code */
export async function testCommand(args: readonly string[]): Promise<number> {
  const { positionals } = parseArgs({ args: [...args], allowPositionals: true })
  const runner = existsSync(checkoutRunner)
    ? [...process.execArgv, checkoutRunner, ...positionals]
    : ['--test', ...testsAt(positionals.length > 0 ? positionals : ['.'])]
  const child = spawn(process.execPath, runner, { stdio: 'inherit' })
  const [code] = await once(child, 'close')
  return code === 0 ? 0 : 1
}

/** @throws OPS_CLI_USAGE for a path that is not there, or when there is no test */
function testsAt(paths: readonly string[]): string[] {
  const files = paths.flatMap((path) => {
    const at = resolve(path)
    const stats = statSync(at, { throwIfNoEntry: false })
    if (stats === undefined) {
      throw new OpsError('OPS_CLI_USAGE', `There is no ${at}`, {
        hint: 'Name folders of plugins, or test files: opsgram test plugins/NAME',
      })
    }
    if (stats.isFile()) return [at]
    const found = globSync('**/*.test.ts', { cwd: at, exclude: ['**/node_modules/**'] })
    return found.map((file) => join(at, file))
  })
  if (files.length > 0) return files
  throw new OpsError('OPS_CLI_USAGE', `There is no *.test.ts in ${paths.join(', ')}`)
}

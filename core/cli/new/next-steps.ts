import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, resolve } from 'node:path'
import { isInside } from '../../plugin/code/folder.ts'
import { pathFromHere } from '../print.ts'
import { checkoutRunner } from '../roots.ts'

/** What runs a plugin's tests: `npm test` of a checkout of opsgram, where `describe` and `it` are global, or Node. */
export type TestRunner = 'checkout' | 'node'

/** The checkout; a package has no tests. */
const root = resolve(dirname(checkoutRunner), '..')

export function runnerFor(folder: string): TestRunner {
  return existsSync(checkoutRunner) && isInside(root, folder) ? 'checkout' : 'node'
}

/**
 * What the author of a new plugin can do with it, as text.
 *
 * @param isFound whether a bot that is started in the current folder has it
 */
export function nextSteps(folder: string, runner: TestRunner, isFound: boolean): string {
  const shown = pathFromHere(folder)
  const test = testCommand(folder, runner)
  return [
    `${shown} is written; its README tells what is where. Next:`,
    '',
    `  npx opsgram check ${shown}`,
    ...(test === undefined ? [] : [`  ${test}`]),
    ...(isFound ? [] : [`  npx opsgram dev ${shown}`]),
    '',
    isFound
      ? `A bot that runs here answers /${basename(folder)} already; npx opsgram dev starts one.`
      : `A bot that is started in this folder doesn't look there: its PLUGINS_DIR names other folders.`,
  ].join('\n')
}

/** Undefined where none works: `opsgram/testing` leads nowhere, or the checkout's runner doesn't look there. */
function testCommand(folder: string, runner: TestRunner): string | undefined {
  const shown = pathFromHere(folder)
  if (runner === 'node') return leadsToOpsgram(folder) ? `npx opsgram test ${shown}` : undefined
  const isFound = ['plugins', 'examples'].some((name) => isInside(join(root, name), folder))
  return isFound && resolve('.') === root ? `npm test -- ${shown}` : undefined
}

function leadsToOpsgram(folder: string): boolean {
  try {
    createRequire(join(folder, 'index.ts')).resolve('opsgram/package.json')
    return true
  } catch {
    return false
  }
}

import { syncBuiltinESMExports } from 'node:module'
import { OpsError } from '../../errors.ts'
import { currentOwner } from './owner.ts'

const endings = ['exit', 'abort', 'kill'] as const
type Ending = (typeof endings)[number]

/** Marks our functions and holds who uses them: a process has one of each. */
const USERS = Symbol.for('opsgram.exit')

/**
 * Keeps plugin code, and packages that it calls, from ending the process: `process.exit`, `abort` and
 * `kill` of this process throw OPS_PLUGIN_EXIT there. Several apps share it.
 *
 * @returns the undo
 */
export function guardExit(): () => void {
  const users = usersOf(process.exit) ?? install()
  const user = Symbol('app')
  users.set(user, undefined)
  return () => {
    users.delete(user)
    if (users.size === 0) usersOf(process.exit)?.undo()
  }
}

class Users extends Map<symbol, undefined> {
  undo: () => void = () => undefined
}

function usersOf(ending: object): Users | undefined {
  const users: unknown = Reflect.get(ending, USERS)
  return users instanceof Users ? users : undefined
}

function install(): Users {
  const users = new Users()
  const before = endings.map((name) => [name, process[name]] as const)
  for (const [name, original] of before) {
    const guarded = (...args: unknown[]) => {
      const plugin = currentOwner()
      if (plugin !== undefined && endsUs(name, args)) {
        throw new OpsError('OPS_PLUGIN_EXIT', `Plugin ${plugin} called process.${name}`, {
          details: { plugin },
        })
      }
      return Reflect.apply(original, process, args)
    }
    Reflect.set(process, name, Object.assign(guarded, { [USERS]: users }))
  }
  // `import { exit } from 'node:process'` takes them too
  syncBuiltinESMExports()
  users.undo = () => {
    for (const [name, original] of before) Reflect.set(process, name, original)
    syncBuiltinESMExports()
  }
  return users
}

/** `kill` with 0 or a negative number means a group of processes: this one's is 0 or its own. */
function endsUs(name: Ending, [target]: unknown[]): boolean {
  return name !== 'kill' || target === process.pid || target === 0 || target === -process.pid
}

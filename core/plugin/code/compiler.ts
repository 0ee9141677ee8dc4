import { init as initLexer } from 'es-module-lexer'
import * as esbuild from 'esbuild'
import { messageOf } from '../../errors.ts'

// esbuild keeps one child process for the whole of our process, in its own module, and a stop under a
// running build leaves that build unsettled for ever. So who needs it has to be counted where esbuild
// keeps it: once a process, not once an app. This is the only module-level state of this folder.
const use = { holders: 0, running: 0, stopping: false }

/** Gives back the hold; the child ends with the last one. Calling it again does nothing. */
export type StopBuilds = () => Promise<void>

/**
 * Starts the compiler's child process, so that the first save doesn't wait for it, and holds it until
 * the returned function is called. The child never keeps our process alive.
 */
export async function startBuilds(): Promise<StopBuilds> {
  use.holders++
  use.stopping = false
  let held = true
  await compile((esbuild) => esbuild.transform('export {}', { loader: 'ts' }))
  await initLexer
  return async () => {
    if (!held) return
    held = false
    use.stopping = --use.holders === 0
    await stopIfUnused()
  }
}

/**
 * Runs one esbuild call. A child that died (killed for memory, say) is started anew and the call
 * repeated once.
 */
export async function compile<T>(call: (compiler: typeof esbuild) => Promise<T>): Promise<T> {
  use.running++
  try {
    return await call(esbuild).catch(async (error: unknown) => {
      if (!/^The service (was stopped|is no longer running)/.test(messageOf(error))) throw error
      await esbuild.stop() // forgets the dead child
      return call(esbuild)
    })
  } finally {
    use.running--
    await stopIfUnused()
  }
}

/** Builds without a holder (tests, `opsgram check`) leave the child running: it costs nothing idle. */
async function stopIfUnused(): Promise<void> {
  if (!use.stopping || use.holders > 0 || use.running > 0) return
  use.stopping = false
  await esbuild.stop()
}

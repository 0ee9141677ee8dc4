import { init as initLexer } from 'es-module-lexer'
import * as esbuild from 'esbuild'
import { messageOf } from '../../errors.ts'

/** Starts the compiler's child process, so that the first save doesn't wait for it. */
export async function warmCompiler(): Promise<void> {
  await Promise.all([
    compile((compiler) => compiler.transform('export {}', { loader: 'ts' })),
    initLexer,
  ])
}

/**
 * Runs one esbuild call. A child that died (killed for memory, say) is started anew and the call
 * repeated once.
 *
 * The child is never stopped: esbuild keeps one for all who use it in this process, tsx among them, and
 * its `stop()` leaves their running calls unsettled for ever (tried with 0.28.2). Idle it costs nothing
 * but memory, it doesn't keep the process alive, and it ends with it, because its input ends.
 */
export async function compile<T>(call: (compiler: typeof esbuild) => Promise<T>): Promise<T> {
  try {
    return await call(esbuild)
  } catch (error) {
    if (!/^The service (was stopped|is no longer running)/.test(messageOf(error))) throw error
    await esbuild.stop() // here it only forgets the dead child
    return call(esbuild)
  }
}

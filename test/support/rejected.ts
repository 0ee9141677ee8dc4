import { OpsError } from '../../core/errors.ts'

/** The coded error that a promise (or a function) ends with; anything else fails the test. */
export async function rejected(work: Promise<unknown> | (() => unknown)): Promise<OpsError> {
  try {
    await (typeof work === 'function' ? work() : work)
  } catch (error) {
    if (error instanceof OpsError) return error
    throw error
  }
  throw new Error('it should have failed and did not')
}

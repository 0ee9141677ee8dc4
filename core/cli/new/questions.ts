import type { Ask } from '../terminal.ts'
import type { Extra } from './template.ts'

/** What `opsgram new` has to know of a plugin; what is missing is asked for. */
export interface Wish {
  readonly name: string | undefined
  readonly description: string | undefined
  readonly extra: Extra | undefined
}

/**
 * Asks for what was not given.
 *
 * @param complaint why a name won't do; it is asked for again then
 */
export async function complete(
  given: Wish,
  ask: Ask,
  complaint: (name: string) => Promise<string | undefined>,
): Promise<Wish & { readonly name: string }> {
  const name = given.name ?? (await askForName(ask, complaint))
  const description = given.description ?? (await ask('What does it do, in one line? ')).trim()
  const keepsData =
    given.extra !== undefined || /^y/i.test(await ask('Does it keep data of its own? [y/N] '))
  return {
    name,
    description: description === '' ? undefined : description,
    extra: keepsData ? 'entity' : undefined,
  }
}

async function askForName(
  ask: Ask,
  complaint: (name: string) => Promise<string | undefined>,
): Promise<string> {
  let wrong: string | undefined
  for (;;) {
    const before = wrong === undefined ? '' : `${wrong}\n`
    const name = (await ask(`${before}Name (2–16 of a–z and 0–9): `)).trim()
    wrong = await complaint(name)
    if (wrong === undefined) return name
  }
}

/** Inference runs from top to bottom: what a later key's types are made of has to stand before it. */
const groups: readonly (readonly string[])[] = [
  ['config', 'uses', 'permissions', 'entities', 'tables', 'session'],
  ['setup'],
  ['provides', 'actions'],
  ['jobs'],
  ['dialogs'],
  ['middleware', 'commands', 'events', 'hooks', 'routes', 'health', 'telegraf', 'personalData'],
]

/** One sentence about the first key that stands too early, with what has to come before it. */
export function keyOrderAdvice(keys: readonly string[]): string | undefined {
  const rank = (key: string) => groups.findIndex((group) => group.includes(key))
  // the others have no types that anything is made of
  const typed = keys.filter((key) => rank(key) >= 0)
  for (const [index, key] of typed.entries()) {
    const later = typed.slice(index + 1).find((other) => rank(other) < rank(key))
    if (later === undefined) continue
    return `\`${key}\` stands before \`${later}\`: put \`${later}\` first, or its types don't reach \`${key}\``
  }
  return undefined
}

/** What the types of all keys are made of. */
const base = ['config', 'uses', 'permissions', 'session']
const made = [...base, 'setup']
const jobs = [...made, 'actions', 'jobs']
const all = [...jobs, 'dialogs']

/** Inference runs from top to bottom: by key, what its types are made of, which has to stand before it. */
const sources: Readonly<Record<string, readonly string[]>> = {
  setup: base,
  provides: made,
  actions: made,
  health: made,
  personalData: made,
  jobs: [...made, 'actions'],
  dialogs: jobs,
  // nobody is there to begin a dialog with
  hooks: jobs,
  routes: jobs,
  middleware: all,
  commands: all,
  events: all,
  telegraf: all,
}

/** One sentence about the first key that stands too early, with what has to come before it. */
export function keyOrderAdvice(keys: readonly string[]): string | undefined {
  for (const [index, key] of keys.entries()) {
    const later = keys.slice(index + 1).find((other) => sources[key]?.includes(other))
    if (later === undefined) continue
    return `\`${key}\` stands before \`${later}\`: put \`${later}\` first, or its types don't reach \`${key}\``
  }
  return undefined
}

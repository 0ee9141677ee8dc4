/** Runs a command of the command line and hands over what it printed. */
export async function printed(
  run: () => Promise<number> | number,
): Promise<{ code: number; text: string }> {
  const lines: unknown[] = []
  const { log, error } = console
  const keep = (...parts: unknown[]) => void lines.push(parts.join(' '))
  Object.assign(console, { log: keep, error: keep })
  try {
    return { code: await run(), text: lines.join('\n') }
  } finally {
    Object.assign(console, { log, error })
  }
}

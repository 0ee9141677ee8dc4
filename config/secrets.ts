import { clean, type Environment } from './environment.ts'
import { sections } from './names.ts'

const secretWords = /(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|CREDENTIALS?)$/

/** A shorter one would blank out ordinary words of the log. */
export const shortestSecret = 8

/** The values that no log line may hold: of secret variables, and of all that are named like one. */
export function secretsIn(env: Environment): string[] {
  const declared = new Set(
    sections.flatMap((section) =>
      Object.entries(section.variables).flatMap(([name, { secret }]) => (secret ? [name] : [])),
    ),
  )
  return Object.entries(env)
    .filter(([name]) => declared.has(name) || secretWords.test(name))
    .flatMap(([name, text]) => {
      const value = clean(text)
      if (value === undefined) return []
      if (value.includes('://')) return urlPasswordOf(value)
      // the old one and the new one, which never stand together anywhere else
      return name === 'WEBHOOK_SECRET' ? value.split(',').map((part) => part.trim()) : [value]
    })
    .filter((value) => value.length >= shortestSecret)
}

function urlPasswordOf(value: string): string[] {
  if (!URL.canParse(value)) return []
  const { password } = new URL(value)
  if (password === '') return []
  try {
    return [password, decodeURIComponent(password)]
  } catch {
    return [password]
  }
}

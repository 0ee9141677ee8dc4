import { hookProofs } from '../../http/hooks/verify.ts'
import type { Rule, Surface } from './surface.ts'

/** What of a plugin's access was accepted, and what of the rest somebody refused. */
export interface Accepted extends Surface {
  /** Keys of openings that are to stay closed ({@link keyOf}). */
  readonly refused: readonly string[]
}

/** One thing that a plugin opens beyond what was accepted. */
export interface Opening {
  /** `new`: a way in that was not there. `roles`: more roles hold a permission. Else the trait of a way that became weaker. */
  readonly kind: 'new' | 'roles' | Trait['name']
  /** Key of the way, or name of the permission. */
  readonly what: string
  /** What held before, what holds now: a permission, kinds of chats, added roles; null: nothing. */
  readonly before: string | null
  readonly now: string | null
}

/** The role of whoever was let in and given none: a permission that it holds keeps nobody out. */
const everybodysRole = 'guest'

interface Trait {
  readonly name: 'permission' | 'chats' | 'audience' | 'confirm' | 'proof'
  readonly field: keyof Rule
  /** Whether `now` lets somebody in whom `before` kept out. */
  widens(before: Rule, now: Rule, roles: Roles): boolean
}

/** Default roles by permission: as they were accepted, as they are declared. */
interface Roles {
  readonly accepted: Surface['roles']
  readonly declared: Surface['roles']
}

/** By what a way can become weaker: a further trait is one more row. */
const traits: readonly Trait[] = [
  {
    name: 'permission',
    field: 'permission',
    widens: ({ permission: before }, { permission: now }, { accepted, declared }) => {
      // of one that is still asked for, its roles are compared
      if (before === null || before === now) return false
      return now === null || !isWithin(declared[now] ?? [], accepted[before] ?? [])
    },
  },
  {
    name: 'chats',
    field: 'chats',
    widens: ({ chats: before }, { chats: now }) => before !== 'any' && before !== now,
  },
  {
    name: 'audience',
    field: 'everyone',
    widens: (before, now) => now.everyone && !before.everyone,
  },
  {
    name: 'confirm',
    field: 'confirm',
    widens: (before, now) => before.confirm && !now.confirm,
  },
  {
    name: 'proof',
    field: 'proof',
    widens: (before, now) =>
      now.proof !== null && before.proof !== null && rankOf(now.proof) > rankOf(before.proof),
  },
]

export const nothingAccepted: Accepted = { ways: {}, roles: {}, refused: [] }

/** Everything that a plugin opens beyond what was accepted, refused or not. Pure. */
export function openingsOf(accepted: Surface, declared: Surface): readonly Opening[] {
  const ways = Object.entries(declared.ways).flatMap(([what, now]): Opening[] => {
    const before = accepted.ways[what]
    if (before !== undefined) return weakened(what, before, now, accepted, declared)
    if (!isOpen(now, declared)) return []
    return [
      {
        kind: 'new',
        what,
        before: null,
        now: textOf(now, now.proof === null ? 'permission' : 'proof'),
      },
    ]
  })
  const permissions = Object.entries(declared.roles).flatMap(([what, roles]): Opening[] => {
    const before = accepted.roles[what]
    const added = before === undefined ? [] : roles.filter((role) => !before.includes(role))
    if (before === undefined || added.length === 0) return []
    return [{ kind: 'roles', what, before: before.join(', '), now: added.join(', ') }]
  })
  return [...ways, ...permissions]
}

function weakened(
  what: string,
  before: Rule,
  now: Rule,
  accepted: Surface,
  declared: Surface,
): Opening[] {
  const roles = { accepted: accepted.roles, declared: declared.roles }
  return traits
    .filter(({ widens }) => widens(before, now, roles))
    .map(({ name, field }) => ({
      kind: name,
      what,
      before: textOf(before, field),
      now: textOf(now, field),
    }))
}

/**
 * What is accepted once a plugin serves as it declares itself: what it opens waits, all else holds at
 * once, so that what was narrowed needs an approval to be widened again. What it no longer declares
 * stays accepted: a folder that was away comes back as it was. Pure.
 */
export function settled(accepted: Accepted, declared: Surface): Accepted {
  const roles = { accepted: accepted.roles, declared: declared.roles }
  const ways = { ...accepted.ways }
  for (const [key, now] of Object.entries(declared.ways)) {
    const before = accepted.ways[key]
    if (before === undefined) {
      if (!isOpen(now, declared)) ways[key] = now
      continue
    }
    const kept = traits.filter(({ widens }) => widens(before, now, roles))
    ways[key] = Object.assign({}, now, ...kept.map(({ field }) => ({ [field]: before[field] })))
  }
  const held = { ...accepted.roles }
  for (const [name, now] of Object.entries(declared.roles)) {
    const before = accepted.roles[name]
    held[name] = before === undefined ? now : now.filter((role) => before.includes(role))
  }
  const open = new Set(openingsOf(accepted, declared).map(keyOf))
  return { ways, roles: held, refused: accepted.refused.filter((key) => open.has(key)) }
}

/** Everything as declared is accepted; what is no longer declared stays accepted. Pure. */
export function acceptedWhole(accepted: Accepted, declared: Surface): Accepted {
  return {
    ways: { ...accepted.ways, ...declared.ways },
    roles: { ...accepted.roles, ...declared.roles },
    refused: [],
  }
}

/** Tells openings apart: the same one again has the same key. */
export function keyOf({ kind, what, now }: Opening): string {
  return `${kind} ${what} ${now ?? ''}`
}

/** Whether two versions of what was accepted are the same. */
export function sameAccepted(a: Accepted | undefined, b: Accepted | undefined): boolean {
  if (a === b) return true
  if (a === undefined || b === undefined) return false
  return canonical(a) === canonical(b)
}

function canonical({ ways, roles, refused }: Accepted): string {
  const sorted = (record: Readonly<Record<string, unknown>>) =>
    Object.entries(record).sort(([x], [y]) => (x < y ? -1 : 1))
  const rules = Object.fromEntries(
    Object.entries(ways).map(([key, rule]) => [key, sorted(rule)] as const),
  )
  return JSON.stringify([sorted(rules), sorted(roles), [...refused].sort()])
}

/** Whether a way that was not there lets everybody in whom the gate lets in. */
function isOpen({ permission, everyone }: Rule, { roles }: Surface): boolean {
  return everyone || permission === null || (roles[permission] ?? []).includes(everybodysRole)
}

function isWithin(roles: readonly string[], others: readonly string[]): boolean {
  return roles.every((role) => others.includes(role))
}

/** The weaker, the higher: of a verifier of a plugin's own nothing is known. */
function rankOf(proof: NonNullable<Rule['proof']>): number {
  return proof === 'own' ? hookProofs.length : hookProofs.indexOf(proof)
}

function textOf(rule: Rule, field: keyof Rule): string | null {
  const value = rule[field]
  return typeof value === 'boolean' ? null : value
}

import type { PluginDeclaration } from '../../plugin/generation/instance.ts'
import { type Way, waysOf } from '../../plugin/opening/surface.ts'
import type { ReadPlugin } from '../plugins.ts'
import type { Report } from '../report.ts'

/** Calls of an entity manager after which rows are other than before. */
const writes =
  /\bem\b[\w$.()?\s]*\.\s*(create|persist|remove|assign|upsert\w*|insert\w*|native\w+)\s*\(/
const writingSql = /\b(insert\s+into|update\s+\w+\s+set|delete\s+from)\b/i

/** Tells who gets in, and what of that its author may not have meant. */
export function sayAccess({ declaration, build }: ReadPlugin, report: Report): void {
  const ways = waysOf(declaration).filter(({ key }) => !key.startsWith('guard:'))
  const hooks = ways.filter(({ rule }) => rule.proof !== null)
  const open = ways.filter(
    ({ rule }) => rule.permission === null && !rule.everyone && rule.proof === null,
  )
  const forAll = ways.filter(({ rule }) => rule.everyone)
  if (ways.length > 0) report.good(`access: ${summary(declaration, { open, forAll, hooks })}`)
  for (const way of open.filter(isWriting)) {
    report.advice(
      `${nameOf(way)} writes, and asks for no permission`,
      'Whoever was let in may use it, guests too. If that is not meant: permission, with the roles that may.',
    )
  }
  for (const way of forAll) {
    if (isWriting(way)) {
      report.advice(
        `${nameOf(way)} is for everyone, and writes`,
        'A stranger can fill the table: limit what one person may do, and delete what is old.',
      )
    }
    if (way.target?.kind === 'command' && way.rule.chats === 'any') {
      report.advice(
        `${nameOf(way)} is for everyone, in groups too`,
        "There it answers whoever is a member. If that is not meant: chats: 'private'.",
      )
    }
  }
  sayPermissions(declaration, build.code, ways, report)
}

function sayPermissions(
  { permissions }: PluginDeclaration,
  code: string,
  ways: readonly Way[],
  report: Report,
): void {
  for (const { name, roles } of permissions) {
    const guarded = ways.filter(({ rule }) => rule.permission === name)
    // once where it is declared; a second time where a handler asks for it
    const isAsked = guarded.length > 0 || code.split(`"${name}"`).length > 2
    if (!isAsked) {
      report.advice(
        `permission ${name} guards nothing`,
        'No command, action, event or route names it, and no handler asks ctx.can for it.',
      )
    }
    const writing = guarded.filter(isWriting)
    if (roles.includes('guest') && writing.length > 0) {
      report.advice(
        `guests hold ${name}, by which ${writing.map(nameOf).join(', ')} writes`,
        'A guest is whoever was let in and given no role yet.',
      )
    }
  }
}

function summary(
  { permissions }: PluginDeclaration,
  ways: Readonly<Record<'open' | 'forAll' | 'hooks', readonly Way[]>>,
): string {
  const { open, forAll, hooks } = ways
  const parts = [
    ...(forAll.length > 0 ? [`strangers too: ${forAll.map(nameOf).join(', ')}`] : []),
    ...(open.length > 0 ? [`whoever was let in: ${open.map(nameOf).join(', ')}`] : []),
    ...(permissions.length > 0
      ? [`by permission: ${permissions.map(({ name }) => name).join(', ')}`]
      : []),
    ...(hooks.length > 0
      ? [`programs: ${hooks.map((way) => `${nameOf(way)} (${way.rule.proof})`).join(', ')}`]
      : []),
  ]
  return parts.join('; ')
}

/** As far as its own text tells: what it hands over to other functions is not looked at. */
function isWriting({ target }: Way): boolean {
  const text = target !== undefined && 'run' in target ? String(target.run ?? '') : ''
  return writes.test(text) || writingSql.test(text)
}

/** `/disks list`, `action mute`, `event message:photo`. */
function nameOf({ key }: Way): string {
  if (key === 'telegraf') return 'telegraf middleware'
  const at = key.indexOf(':')
  const name = key.slice(at + 1)
  return key.startsWith('command:') ? name : `${key.slice(0, at)} ${name}`
}

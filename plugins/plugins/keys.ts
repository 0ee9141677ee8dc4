import type { Button, PluginDetails, PluginStatus } from 'opsgram'

/** Who sees the card, and how its buttons are made. */
export interface Presser {
  readonly actor: { readonly role: string }
  can(permission: 'plugins.manage'): boolean
  button(action: string, data: object): Button
}

/** What this person may do about a plugin, as rows of buttons. What is dangerous asks once more. */
export function keysFor(
  ctx: Presser,
  { name, state }: PluginStatus,
  details: PluginDetails,
): readonly (readonly Button[])[] {
  const { seal, openings, previous, isProtected } = details
  const isOff = state === 'disabled'
  const mayManage = ctx.can('plugins.manage')
  const canGo = !isOff && !isProtected && name !== 'plugins'
  const decide =
    seal === undefined || ctx.actor.role !== 'owner'
      ? []
      : [
          ctx.button('approve', { name, seal }),
          ...(openings.every(({ refused }) => refused)
            ? []
            : [ctx.button('refuse', { name, seal })]),
        ]
  const load = [
    ...(isOff ? [ctx.button('enable', { name })] : [ctx.button('reload', { name })]),
    ...(isOff || previous === undefined ? [] : [ctx.button('sureRollBack', { name })]),
  ]
  const rest = [
    ctx.button('history', { name }),
    ...(canGo && mayManage ? [ctx.button('sureDisable', { name })] : []),
  ]
  return [decide, mayManage ? load : [], rest].filter((row) => row.length > 0)
}

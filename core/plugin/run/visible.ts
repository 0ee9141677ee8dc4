import type { Actor } from '../access.ts'
import type { Routes } from '../generation/routes.ts'
import { isPermitted } from '../manifest/usable.ts'
import type { Buttons } from './content.ts'

interface Seer {
  readonly routes: Pick<Routes, 'actions'>
  readonly actor: Actor
  readonly isUser: boolean
  can(permission: string): boolean
}

/** The buttons without those that were made for whom they would refuse. What everybody may press stays: others see it too. */
export function visibleRows(rows: Buttons['rows'], seer: Seer): Buttons['rows'] {
  const { actor } = seer
  if (rows.length === 0 || !('telegramId' in actor)) return rows
  const isShown = ({ plugin, action, presser }: Buttons['rows'][number][number]) => {
    if (presser === 'anyone' || presser !== actor.telegramId) return true
    const route = seer.routes.actions.get(`${plugin}:${action}`)
    return route === undefined || isPermitted(route.action, seer)
  }
  if (rows.every((row) => row.every(isShown))) return rows
  return rows.map((row) => row.filter(isShown)).filter((row) => row.length > 0)
}

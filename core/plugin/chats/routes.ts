import type { PluginInstance } from '../generation/instance.ts'
import type { Routes } from '../generation/routes.ts'

/** By the routes that they were taken from: both are immutable, and chats that have the same off share them. */
const made = new WeakMap<Routes, Map<string, Routes>>()

/**
 * The routes of a chat in which some plugins are switched off: as if these weren't there. Their middleware stays, as
 * a switch must not open what it guards.
 */
export function routesWithout(routes: Routes, off: ReadonlySet<string>): Routes {
  if (off.size === 0) return routes
  let known = made.get(routes)
  if (known === undefined) {
    known = new Map()
    made.set(routes, known)
  }
  const key = [...off].sort().join(' ')
  let result = known.get(key)
  if (result === undefined) {
    result = without(routes, off)
    known.set(key, result)
  }
  return result
}

function without(routes: Routes, off: ReadonlySet<string>): Routes {
  const isOn = ({ instance }: { readonly instance: PluginInstance }) => !off.has(instance.name)
  const on = <T extends { readonly instance: PluginInstance }>(all: ReadonlyMap<string, T>) =>
    new Map([...all].filter(([, route]) => isOn(route)))
  return {
    ...routes,
    commands: on(routes.commands),
    actions: on(routes.actions),
    dialogs: on(routes.dialogs),
    events: new Map(
      [...routes.events].map(([query, listening]) => [query, listening.filter(isOn)]),
    ),
    composers: routes.composers.filter(({ name }) => !off.has(name)),
  }
}

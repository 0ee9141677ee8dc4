// The child of the memory benchmark: loads the program group by group and says what each adds to
// resident memory.
import { settledMemory } from './heap.ts'

/** In the order in which they build upon each other. */
const groups: Readonly<Record<string, () => Promise<unknown>>> = {
  'zod, the configuration': () => import('../../config/config.ts'),
  'Telegraf (Context, client, types)': () => import('telegraf'),
  undici: () => import('undici'),
  'winston, i18next': () => Promise.all([import('winston'), import('i18next')]),
  Fastify: () => import('fastify'),
  'Kysely, pg': () => Promise.all([import('kysely'), import('pg')]),
  MikroORM: () => Promise.all([import('@mikro-orm/postgresql'), import('@mikro-orm/migrations')]),
  'esbuild, chokidar': () => Promise.all([import('esbuild'), import('chokidar')]),
  'the core itself': () => import('../../core/app.ts'),
}

let before = await settledMemory()
const steps = [{ name: 'Node, with tsx or without', mb: before.rssMb }]
for (const [name, load] of Object.entries(groups)) {
  await load()
  const after = await settledMemory()
  steps.push({ name, mb: after.rssMb - before.rssMb })
  before = after
}
process.send?.(steps)

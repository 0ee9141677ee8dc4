import {
  type AnyEntity,
  type Configuration,
  type DriverException,
  type EntityClass,
  EntitySchema,
  FlushMode,
  MikroORM,
  UnderscoreNamingStrategy,
} from '@mikro-orm/core'
import { PostgreSqlPlatform } from '@mikro-orm/postgresql'
import {
  AbstractSqlConnection,
  AbstractSqlDriver,
  type BasePostgreSqlPlatform,
  type SqlEntityManager,
} from '@mikro-orm/sql'
import type { Transaction } from 'kysely'
import { OpsError } from '../errors.ts'
import { type Database, type Queries, queriesOf } from './connection.ts'
import { SharedKysely } from './driver.ts'
import type { GuardOptions } from './guard.ts'

/** What MikroORM accepts as an entity: the class of a `defineEntity`, or its schema. */
export type Entity = EntityClass<AnyEntity> | EntitySchema

/** One generation's ORM: metadata over the shared connection. Fork its `em`; never close it. */
export type Orm = MikroORM<OpsDriver>

/** A unit of work. */
export type EntityManager = SqlEntityManager<OpsDriver>

/** How every ORM of ours reads entities. */
export const ormOptions = {
  discovery: { warnWhenNoEntities: false },
  namingStrategy: UnderscoreNamingStrategy,
  ensureDatabase: false,
  metadataCache: { enabled: false },
  // Its coloured lines on standard output would break the one-object-a-line log.
  logger: () => undefined,
} as const

/**
 * Makes an ORM over the shared connection, 5–10 ms. One serves a whole generation of plugins, so that relations to
 * core entities and one transaction per update work; old ones are simply dropped (`close` would end the database).
 */
export async function createOrm(database: Database, entities: readonly Entity[]): Promise<Orm> {
  letEntitiesGo()
  return MikroORM.init<OpsDriver>({
    ...ormOptions,
    // A copy: init() writes into what it is given (MikroORM 7.2.1).
    discovery: { ...ormOptions.discovery },
    driver: OpsDriver,
    driverOptions: database.kysely,
    // Only shows in messages: the connection is there already.
    dbName: database.kind,
    entities: [...entities],
  })
}

const writers = [
  'flush',
  'insert',
  'insertMany',
  'nativeDelete',
  'nativeUpdate',
  'transactional',
  'upsert',
  'upsertMany',
] as const satisfies readonly (keyof EntityManager)[]

/**
 * A unit of work for one update, which only `inTransaction` writes. MikroORM's own default writes what
 * waits as soon as something of the same entity is searched for; here that would be before the update is
 * claimed, and stay when the handler throws. What else writes at once is refused for the same reason.
 */
export function forkForUpdate(orm: Orm): EntityManager {
  const em = orm.em.fork({ flushMode: FlushMode.COMMIT })
  for (const name of writers) {
    // whichever of them it is, it gets what it was called with
    const write = em[name].bind(em) as (...args: unknown[]) => Promise<unknown>
    const guarded = async (...args: unknown[]) => {
      if (em.isInTransaction()) return write(...args)
      throw new OpsError('OPS_EM_FLUSH', `A handler called ctx.em.${name}()`)
    }
    Object.defineProperty(em, name, { value: guarded })
  }
  return em
}

/**
 * MikroORM keeps each entity class that was ever defined in a Map on `globalThis` (EntitySchema.REGISTRY, 7.2.1), and
 * with it the code of every version of a plugin: some 220 KB a reload. It only ever asks for what it has the class of,
 * so a WeakMap serves as well.
 */
function letEntitiesGo(): void {
  const registry = EntitySchema.REGISTRY
  if (registry instanceof WeakMap) return
  const key = Symbol.for('@mikro-orm/core/EntitySchema.REGISTRY')
  Reflect.set(globalThis, key, new WeakMap<object, EntitySchema>(registry))
}

/**
 * Runs `work` in one transaction of `em` itself (no fork, so what the caller has loaded and changed is written), then
 * flushes and commits. `work` comes before the flush: claims and checks belong there. A throw rolls back.
 *
 * @throws OpsError OPS_COMMIT_UNKNOWN if the answer to COMMIT was lost; OPS_TRANSACTION_NESTED for queries inside
 * that don't go through `em`. See also `isConflict`, `isVersionConflict`, `isDatabaseAway`.
 */
export async function inTransaction<T>(em: EntityManager, work: () => Promise<T>): Promise<T> {
  await em.begin()
  try {
    const result = await em
      .getDriver()
      .getConnection()
      .guarded(async () => {
        const answer = await work()
        await em.flush()
        return answer
      })
    await em.commit()
    return result
  } catch (error) {
    // Also after a failed COMMIT: it gives the connection back.
    await em.rollback()
    throw error
  }
}

/** Plain SQL inside the open transaction of a unit of work. */
export function queriesIn(em: EntityManager): Queries {
  const transaction = em.getTransactionContext<Transaction<unknown>>()
  if (transaction !== undefined) return queriesOf(transaction)
  throw new OpsError('OPS_INTERNAL', 'A statement of a transaction was made outside of one')
}

/** From here on the unit of work only reads: what would be written is refused. */
export function seal(em: EntityManager): void {
  for (const name of ['create', 'persist', 'remove', 'assign'] as const) {
    const refuse = () => {
      throw new OpsError('OPS_COMMITTED', `ctx.em.${name}() was called after the commit`)
    }
    Object.defineProperty(em, name, { value: refuse })
  }
}

/** Whether a flush would write anything. */
export function hasChanges(em: EntityManager): boolean {
  const unit = em.getUnitOfWork()
  unit.computeChangeSets()
  return (
    unit.getChangeSets().length > 0 ||
    unit.getRemoveStack().size > 0 ||
    unit.getCollectionUpdates().length > 0 ||
    unit.getExtraUpdates().size > 0
  )
}

/**
 * PostgreSQL as MikroORM speaks it, over the shared Kysely: the same for the server and for the embedded
 * database, which is PostgreSQL too. It opens and closes nothing.
 */
class OpsConnection extends AbstractSqlConnection {
  override createKyselyDialect(): never {
    throw new OpsError('OPS_INTERNAL', 'An ORM was made without the shared connection')
  }

  override async transactional<T>(
    ...[work, options]: Parameters<typeof AbstractSqlConnection.prototype.transactional<T>>
  ): Promise<T> {
    return super.transactional((transaction) => this.guarded(() => work(transaction)), options)
  }

  /** Runs `work` as the inside of a transaction that has begun. */
  guarded<T>(work: () => Promise<T>, options?: GuardOptions): Promise<T> {
    const kysely = this.getClient()
    if (kysely instanceof SharedKysely) return kysely.guard.run(work, options)
    throw new OpsError('OPS_INTERNAL', 'An ORM was made without the shared connection')
  }
}

/**
 * Its type names the base of the platform alone: declarations of `@mikro-orm/postgresql` don't compile in a project
 * without the newest of TypeScript's libraries (`Temporal`, postgres-interval 4.1.0), and plugins' types lead here.
 */
export class OpsDriver extends AbstractSqlDriver<OpsConnection, BasePostgreSqlPlatform> {
  constructor(config: Configuration) {
    super(config, new PostgreSqlPlatform(), OpsConnection, ['kysely', 'pg'])
  }

  /** Coded errors pass as they are; MikroORM would make driver exceptions of them and lose their class. */
  override convertException(exception: Error): DriverException {
    // MikroORM only throws what it gets here; its type asks for more than it uses.
    if (exception instanceof OpsError) return exception as Error as DriverException
    return super.convertException(exception)
  }
}

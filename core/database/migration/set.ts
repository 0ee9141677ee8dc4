import type { Configuration } from '@mikro-orm/core'
import type { Migration } from '@mikro-orm/migrations'
import type { AbstractSqlDriver } from '@mikro-orm/sql'

/** What a migration file exports by default: a class that extends `Migration` of '@mikro-orm/migrations'. */
export type MigrationClass = (new (
  driver: AbstractSqlDriver,
  config: Configuration,
) => Migration) & {
  /** `static readonly breaking = true`: code that was written before can't live with it. */
  readonly breaking?: unknown
}

export interface SourceMigration {
  /** File name without extension; they run in the order of their names. */
  readonly name: string
  readonly class: MigrationClass
  /** Hash of the file's content. */
  readonly hash: string
  /** Absolute path, for whoever has to correct it. */
  readonly file?: string
}

/** The migrations of the core or of one plugin. */
export interface MigrationSet {
  /** 'core', or the plugin's name: also the suffix of the tracking table. */
  readonly owner: string
  readonly migrations: readonly SourceMigration[]
}

export function isBreaking({ class: MigrationOf }: SourceMigration): boolean {
  return MigrationOf.breaking === true
}

/** Whether the class has a `down` of its own; that of MikroORM only throws. */
export function hasDown({ class: MigrationOf }: SourceMigration): boolean {
  let prototype: unknown = MigrationOf.prototype
  // by shape: a kept build may have been made with another copy of MikroORM, whose base class is another one
  while (isObject(prototype) && !Object.hasOwn(prototype, 'addSql')) {
    if (Object.hasOwn(prototype, 'down')) return true
    prototype = Object.getPrototypeOf(prototype)
  }
  return false
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

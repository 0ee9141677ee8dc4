import { Migration } from '@mikro-orm/migrations'

export default class PluginAccess extends Migration {
  override up(): void {
    this.addSql(`
      create table plugin_access (
        plugin text primary key,
        accepted jsonb not null,
        changed_at timestamptz not null default now()
      )`)
  }
}

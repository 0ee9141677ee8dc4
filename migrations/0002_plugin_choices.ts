import { Migration } from '@mikro-orm/migrations'

export default class PluginChoices extends Migration {
  override up(): void {
    this.addSql(`
      create table plugin_choices (
        plugin text primary key,
        disabled boolean not null,
        decided_by bigint,
        reason text,
        decided_at timestamptz not null default now()
      )`)
  }
}

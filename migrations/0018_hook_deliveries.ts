import { Migration } from '@mikro-orm/migrations'

export default class HookDeliveries extends Migration {
  override up(): void {
    this.addSql(`
      create table hook_deliveries (
        plugin text not null,
        hook text not null,
        key text not null,
        received_at timestamptz not null default now(),
        primary key (plugin, hook, key)
      )`)
    this.addSql('create index hook_deliveries_received_at on hook_deliveries (received_at)')
  }
}

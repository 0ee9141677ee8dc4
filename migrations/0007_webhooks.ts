import { Migration } from '@mikro-orm/migrations'

export default class Webhooks extends Migration {
  override up(): void {
    this.addSql(`
      create table webhooks (
        bot_id bigint primary key,
        fingerprint text not null,
        shown text not null,
        set_at timestamptz not null default now()
      )`)
  }
}

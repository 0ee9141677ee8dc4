import { Migration } from '@mikro-orm/migrations'

export default class Pauses extends Migration {
  override up(): void {
    // One row while the bot is paused: its updates wait in the inbox.
    this.addSql(`
      create table pauses (
        bot_id bigint primary key,
        by_id bigint not null,
        by_name text not null,
        since timestamptz not null default now()
      )`)
  }
}

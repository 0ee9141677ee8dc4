import { Migration } from '@mikro-orm/migrations'

export default class Instances extends Migration {
  override up(): void {
    // One row a living process: what an instance holds refers to it, so that it is free with the row's end.
    this.addSql(`
      create table instances (
        id text primary key,
        bot_id bigint not null,
        state text not null check (state in ('starting', 'serving', 'stopping')),
        host text not null,
        pid int not null,
        process text,
        core_version text not null,
        plugins jsonb not null default '{}',
        started_at timestamptz not null default now(),
        heartbeat_at timestamptz not null default now()
      )`)
  }
}

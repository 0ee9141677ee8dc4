import { Migration } from '@mikro-orm/migrations'

export default class Starts extends Migration {
  override up(): void {
    // One row a process that served the bot; one without an end that no longer lives has crashed.
    this.addSql(`
      create table starts (
        instance text primary key,
        version text not null,
        host text not null,
        pid int not null,
        started_at timestamptz not null default clock_timestamp(),
        ended_at timestamptz,
        crashed boolean not null default false,
        told boolean not null default false,
        told_crash boolean not null default false
      )`)
    this.addSql('create index starts_started_at on starts (started_at)')
    this.addSql('create index starts_open on starts (instance) where ended_at is null')
  }
}

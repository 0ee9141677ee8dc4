import { Migration } from '@mikro-orm/migrations'

export default class Minutes extends Migration {
  override up(): void {
    // one row a minute and instance; times as how many fell into which bucket, so that they can be added up
    this.addSql(`
      create table performance_minutes (
        id bigint generated always as identity primary key,
        at timestamptz not null,
        instance text not null,
        updates int not null,
        failed int not null,
        handlers jsonb not null,
        lag_ms double precision not null,
        rss_mib double precision not null,
        heap_mib double precision not null
      )`)
    this.addSql('create index performance_minutes_at on performance_minutes (at)')
    // what took longest in that minute
    this.addSql(`
      create table performance_timings (
        id bigint generated always as identity primary key,
        at timestamptz not null,
        kind text not null check (kind in ('handler', 'query')),
        plugin text,
        name text not null,
        count int not null,
        failed int not null,
        total_ms double precision not null,
        max_ms double precision not null,
        buckets jsonb not null
      )`)
    this.addSql('create index performance_timings_at on performance_timings (at)')
    this.addSql(`
      create table performance_views (
        user_id varchar(26) primary key references bot_users (id) on delete cascade,
        theme text not null check (theme in ('light', 'dark')),
        version int not null default 1
      )`)
  }

  override down(): void {
    this.addSql('drop table performance_views')
    this.addSql('drop table performance_timings')
    this.addSql('drop table performance_minutes')
  }
}

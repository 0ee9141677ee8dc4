import { Migration } from '@mikro-orm/migrations'

export default class Confirmations extends Migration {
  override up(): void {
    this.addSql(`
      create table confirmations (
        id text primary key,
        plugin text not null,
        path text not null,
        arguments text not null,
        hash text not null,
        update jsonb not null,
        by text not null check (by in ('self', 'another')),
        requester bigint not null,
        requester_name text not null,
        chat_id bigint not null,
        state text not null default 'open' check (state in ('open', 'confirmed', 'declined', 'expired', 'void')),
        decided_by bigint,
        decided_update bigint,
        decided_at timestamptz,
        created_at timestamptz not null default now(),
        expires_at timestamptz not null
      )`)
    this.addSql(
      `create index confirmations_cool_down on confirmations (requester, plugin, path, decided_at) where state = 'confirmed'`,
    )
    this.addSql('create index confirmations_created_at on confirmations (created_at)')
  }
}

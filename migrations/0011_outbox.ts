import { Migration } from '@mikro-orm/migrations'

export default class Outbox extends Migration {
  override up(): void {
    this.addSql(`
      create table outbox (
        id bigint generated always as identity primary key,
        kind text not null check (kind in ('answer', 'message', 'notice', 'broadcast')),
        chat_id bigint not null,
        plugin text,
        update_id bigint,
        lane text not null check (lane in ('interactive', 'bulk')),
        if_unsure text not null check (if_unsure in ('repeat', 'mark')),
        key text unique,
        batch text,
        content jsonb,
        state text not null default 'waiting'
          check (state in ('waiting', 'sent', 'unsure', 'failed', 'dropped')),
        owner text,
        begun_at timestamptz,
        tries int not null default 0,
        repeats int not null default 0,
        next_at timestamptz not null default now(),
        expires_at timestamptz not null,
        message_id bigint,
        error text,
        created_at timestamptz not null default now(),
        settled_at timestamptz
      )`)
    this.addSql(`create index outbox_due on outbox (lane, next_at, id) where state = 'waiting'`)
    this.addSql(`create index outbox_chat on outbox (chat_id, lane, id) where state = 'waiting'`)
    this.addSql(
      `create index outbox_settled on outbox (state, settled_at) where state <> 'waiting'`,
    )
    this.addSql('create index outbox_batch on outbox (batch, state) where batch is not null')
  }
}

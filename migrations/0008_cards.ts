import { Migration } from '@mikro-orm/migrations'

export default class Cards extends Migration {
  override up(): void {
    this.addSql(`
      create table cards (
        id bigint generated always as identity primary key,
        kind text not null,
        subject text not null,
        content jsonb not null,
        state text not null check (state in ('open', 'withdrawn', 'decided')),
        version int not null default 1,
        created_at timestamptz not null default now(),
        changed_at timestamptz not null default now()
      )`)
    this.addSql(`create unique index cards_open on cards (kind, subject) where state = 'open'`)
    this.addSql('create index cards_subject on cards (subject, kind, id)')
    this.addSql(`create index cards_changed_at on cards (changed_at) where state <> 'open'`)

    this.addSql(`
      create table card_messages (
        card bigint not null references cards (id) on delete cascade,
        chat_id bigint not null,
        message_id bigint,
        shown int not null default 0,
        gone text,
        claimed_at timestamptz,
        primary key (card, chat_id)
      )`)
  }
}

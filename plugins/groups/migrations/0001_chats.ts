import { Migration } from '@mikro-orm/migrations'

export default class Chats extends Migration {
  override up(): void {
    this.addSql(`
      create table groups_chats (
        chat_id bigint primary key,
        title text not null,
        type text not null,
        status text not null,
        can_send boolean not null default true,
        added_by bigint,
        added_by_name text,
        added_at timestamptz,
        approved_by bigint,
        approved_by_name text,
        approved_at timestamptz,
        leave_at timestamptz,
        leaving_at timestamptz,
        left_at timestamptz,
        looked_at timestamptz,
        seen_at timestamptz not null default now(),
        version int not null default 1
      )`)
    this.addSql('create index groups_chats_seen_at on groups_chats (seen_at) where left_at is null')
    this.addSql(
      'create index groups_chats_added_by on groups_chats (added_by) where added_by is not null',
    )
    this.addSql(`
      create index groups_chats_unapproved on groups_chats (chat_id)
        where approved_at is null and left_at is null`)
    this.addSql(
      `create index groups_chats_looked_at on groups_chats (looked_at nulls first) where left_at is null`,
    )

    // One row a chat and day, never one a message.
    this.addSql(`
      create table groups_activity (
        chat_id bigint not null,
        day date not null,
        messages int not null default 0,
        commands int not null default 0,
        primary key (chat_id, day)
      )`)
    this.addSql('create index groups_activity_day on groups_activity (day)')

    this.addSql(`
      create table groups_events (
        id bigint generated always as identity primary key,
        update_id bigint not null,
        nth int not null,
        chat_id bigint not null,
        kind text not null,
        person bigint not null,
        person_name text not null,
        by_id bigint,
        by_name text,
        reported boolean not null default false,
        at timestamptz not null default now(),
        unique (update_id, nth)
      )`)
    this.addSql('create index groups_events_chat on groups_events (chat_id, at)')
    this.addSql('create index groups_events_person on groups_events (person)')
    this.addSql('create index groups_events_by on groups_events (by_id) where by_id is not null')
    this.addSql('create index groups_events_at on groups_events (at)')
    this.addSql(
      'create index groups_events_unreported on groups_events (chat_id) where not reported',
    )
  }

  override down(): void {
    this.addSql('drop table groups_events')
    this.addSql('drop table groups_activity')
    this.addSql('drop table groups_chats')
  }
}

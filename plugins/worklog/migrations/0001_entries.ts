import { Migration } from '@mikro-orm/migrations'

export default class Entries extends Migration {
  override up(): void {
    this.addSql(`
      create table worklog_entries (
        id varchar(26) primary key,
        author_id varchar(26) not null references bot_users (id),
        text text not null,
        minutes int not null check (minutes > 0),
        ticket text,
        worked_at timestamptz not null,
        chat_id bigint not null,
        created_at timestamptz not null default now(),
        deleted_at timestamptz,
        version int not null default 1
      )`)
    this.addSql('create index worklog_entries_worked_at on worklog_entries (worked_at)')
    this.addSql('create index worklog_entries_author on worklog_entries (author_id, worked_at)')
  }
}

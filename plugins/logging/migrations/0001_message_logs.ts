import { Migration } from '@mikro-orm/migrations'

export default class MessageLogs extends Migration {
  override up(): void {
    this.addSql(`
      create table message_logs (
        id bigint generated always as identity primary key,
        direction text not null check (direction in ('in', 'out')),
        chat_id bigint,
        user_id varchar(26) references bot_users (id) on delete set null,
        message_id bigint,
        kind text not null,
        text text,
        metadata jsonb not null default '{}',
        command text,
        plugin text,
        outcome text not null,
        duration_ms int,
        error_id text,
        created_at timestamptz not null default now()
      )`)
    // one for each column that somebody filters by; the time beside it, because the newest are asked for
    this.addSql('create index message_logs_created_at on message_logs (created_at)')
    this.addSql('create index message_logs_chat on message_logs (chat_id, created_at)')
    this.addSql('create index message_logs_user on message_logs (user_id, created_at)')
    this.addSql('create index message_logs_kind on message_logs (kind, created_at)')
    this.addSql('create index message_logs_direction on message_logs (direction, created_at)')
    this.addSql('create index message_logs_outcome on message_logs (outcome, created_at)')
    this.addSql(
      'create index message_logs_plugin on message_logs (plugin, created_at) where plugin is not null',
    )
    this.addSql(
      'create index message_logs_command on message_logs (command, created_at) where command is not null',
    )
    this.addSql(
      'create index message_logs_error_id on message_logs (error_id) where error_id is not null',
    )
  }

  override down(): void {
    this.addSql('drop table message_logs')
  }
}

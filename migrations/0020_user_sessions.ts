import { Migration } from '@mikro-orm/migrations'

export default class UserSessions extends Migration {
  override up(): void {
    // One open dialog a person and chat. `revision` is new with every step: whoever writes names the one that was read.
    this.addSql(`
      create table user_sessions (
        chat_id bigint not null,
        user_id bigint not null,
        plugin text not null,
        name text not null,
        step text not null,
        version integer not null,
        revision text not null,
        context jsonb not null,
        updated_at timestamptz not null default now(),
        expires_at timestamptz not null,
        primary key (chat_id, user_id)
      )`)
    this.addSql('create index user_sessions_expires_at on user_sessions (expires_at)')
  }
}

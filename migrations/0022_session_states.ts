import { Migration } from '@mikro-orm/migrations'

export default class SessionStates extends Migration {
  override up(): void {
    // What plugins remember of a person in a chat. Apart from `user_sessions`, whose key lets one dialog be open there.
    this.addSql(`
      create table session_states (
        chat_id bigint not null,
        user_id bigint not null,
        plugin text not null,
        version integer not null,
        revision text not null,
        state jsonb not null,
        updated_at timestamptz not null default now(),
        expires_at timestamptz not null,
        primary key (chat_id, user_id, plugin)
      )`)
    // what the cleaner asks for, and what is there of one person
    this.addSql('create index session_states_expires_at on session_states (expires_at)')
    this.addSql('create index session_states_user_id on session_states (user_id)')
  }
}

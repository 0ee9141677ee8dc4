import { Migration } from '@mikro-orm/migrations'

export default class SettingsOfPeopleAndChats extends Migration {
  override up(): void {
    // `language` is what Telegram says, and is overwritten by it
    this.addSql('alter table bot_users add column chosen_language text')
    // What is read of a person is kept until the epoch changes: their choice is part of it.
    this.addSql(`
      create trigger bot_users_auth_epoch_language before update of chosen_language on bot_users
        for each row when (
          new.auth_epoch = old.auth_epoch and new.chosen_language is distinct from old.chosen_language)
        execute function bot_users_count_epoch()`)

    // Few rows, of chats for which somebody decided something, read whole by each process: no index beside the key.
    this.addSql(`
      create table chat_settings (
        chat_id bigint primary key,
        language text,
        time_zone text,
        plugins_off jsonb not null default '[]',
        changed_at timestamptz not null default now(),
        version int not null default 1
      )`)
  }
}

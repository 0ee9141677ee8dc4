import { Migration } from '@mikro-orm/migrations'

export default class VersionsOfChatSettings extends Migration {
  override up(): void {
    // What is known of a chat is replaced by a higher version alone: who writes a row by hand would forget it.
    this.addSql(`
      create function chat_settings_count_version() returns trigger language plpgsql as $$
      begin
        new.version := old.version + 1;
        return new;
      end $$`)
    this.addSql(`
      create trigger chat_settings_version before update on chat_settings
        for each row when (new.version <= old.version)
        execute function chat_settings_count_version()`)
  }
}

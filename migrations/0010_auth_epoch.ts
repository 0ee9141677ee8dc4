import { Migration } from '@mikro-orm/migrations'

export default class AuthEpoch extends Migration {
  override up(): void {
    // Rights are kept in memory until the epoch changes: who writes a row by hand would forget it.
    this.addSql(`
      create function bot_users_count_epoch() returns trigger language plpgsql as $$
      begin
        new.auth_epoch := old.auth_epoch + 1;
        return new;
      end $$`)
    this.addSql(`
      create trigger bot_users_auth_epoch before update of role, status, time_zone, auth_epoch on bot_users
        for each row when (
          new.auth_epoch = old.auth_epoch
          and (new.role, new.status, new.time_zone) is distinct from (old.role, old.status, old.time_zone))
        execute function bot_users_count_epoch()`)
  }
}

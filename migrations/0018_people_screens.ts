import { Migration } from '@mikro-orm/migrations'

export default class PeopleScreens extends Migration {
  override up(): void {
    // the order of /users: those let in first, by role, then by name
    this.addSql(`
      create index bot_users_listed on bot_users (
        (case status when 'active' then 0 when 'pending' then 1 else 2 end),
        (case role when 'owner' then 0 when 'admin' then 1 when 'operator' then 2 when 'guest' then 4 else 3 end),
        lower(coalesce(first_name, username, '')), telegram_id)`)
    // whatever the database's collation, a beginning is found by these
    for (const column of ['username', 'first_name', 'last_name']) {
      this.addSql(
        `create index bot_users_${column}_begins on bot_users (lower(${column}) text_pattern_ops)`,
      )
    }
    this.addSql(`create index audit_log_not_done on audit_log (created_at) where outcome <> 'done'`)
    this.addSql(`
      create function audit_log_refuse_delete() returns trigger language plpgsql as $$
      begin
        raise exception 'audit_log is append-only' using errcode = 'restrict_violation';
      end $$`)
    // whoever cleans by a rule of retention says so in the transaction
    this.addSql(`
      create trigger audit_log_no_delete before delete on audit_log
        for each row when (current_setting('opsgram.audit_retention', true) is distinct from 'on')
        execute function audit_log_refuse_delete()`)
  }
}

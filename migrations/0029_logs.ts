import { Migration } from '@mikro-orm/migrations'

export default class Logs extends Migration {
  override up(): void {
    this.addSql(`
      create table log_levels (
        plugin text primary key,
        level text not null,
        until timestamptz,
        by_id bigint not null,
        by_name text not null,
        set_at timestamptz not null default now(),
        constraint log_levels_level_check check (level in ('error', 'warn', 'info', 'debug')))`)
    this.addSql(`
      create table error_reports (
        at timestamptz not null,
        error_id text not null,
        event text not null,
        plugin text,
        what text,
        user_id bigint,
        chat_id bigint,
        update_id bigint,
        job_id text,
        code text not null,
        message text not null,
        stack text not null,
        fingerprint text not null,
        instance text not null)`)
    this.addSql('create index error_reports_error_id on error_reports (error_id)')
    this.addSql('create index error_reports_fingerprint on error_reports (fingerprint, at)')
    this.addSql('create index error_reports_at on error_reports (at)')
  }
}

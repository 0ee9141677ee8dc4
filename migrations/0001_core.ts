import { Migration } from '@mikro-orm/migrations'

export default class Core extends Migration {
  override up(): void {
    this.addSql(`
      create table bot_users (
        id varchar(26) primary key,
        telegram_id bigint not null unique,
        username text,
        first_name text,
        last_name text,
        language text,
        time_zone text,
        role text not null default 'guest',
        status text not null default 'pending' check (status in ('active', 'pending', 'blocked')),
        metadata jsonb not null default '{}',
        auth_epoch int not null default 0,
        last_seen_at timestamptz,
        created_at timestamptz not null default now(),
        blocked_reason text,
        blocked_at timestamptz,
        version int not null default 1
      )`)
    this.addSql('create index bot_users_username on bot_users (lower(username))')
    this.addSql('create index bot_users_role on bot_users (role)')
    this.addSql('create index bot_users_status on bot_users (status, created_at)')
    this.addSql('create index bot_users_last_seen_at on bot_users (last_seen_at)')

    this.addSql(`
      create table audit_log (
        id varchar(26) primary key,
        actor_id bigint,
        actor_name text,
        plugin text,
        action text not null,
        target text,
        chat_id bigint,
        outcome text not null check (outcome in ('done', 'refused', 'failed')),
        reason text,
        before jsonb,
        after jsonb,
        error_id text,
        created_at timestamptz not null default now()
      )`)
    this.addSql('create index audit_log_created_at on audit_log (created_at)')
    this.addSql('create index audit_log_actor on audit_log (actor_id, created_at)')
    this.addSql('create index audit_log_action on audit_log (action, created_at)')
    this.addSql('create index audit_log_target on audit_log (target, created_at)')
    this.addSql(
      'create index audit_log_error_id on audit_log (error_id) where error_id is not null',
    )
    // Deletes stay possible: retention is a setting.
    this.addSql(`
      create function audit_log_refuse_update() returns trigger language plpgsql as $$
      begin
        raise exception 'audit_log is append-only' using errcode = 'restrict_violation';
      end $$`)
    this.addSql(`
      create trigger audit_log_append_only before update on audit_log
        for each statement execute function audit_log_refuse_update()`)

    this.addSql(`
      create table inbox (
        bot_id bigint not null,
        update_id bigint not null,
        part smallint not null,
        lane text not null,
        seq bigint generated always as identity,
        state smallint not null default 0,
        tries smallint not null default 0,
        payload text,
        error text,
        error_id text,
        received_at timestamptz not null default now(),
        done_at timestamptz,
        primary key (bot_id, update_id)
      )`)
    this.addSql('create index inbox_open on inbox (part, lane, seq) where state = 0')
    this.addSql('create index inbox_done on inbox (done_at) where state = 1')
    this.addSql('create index inbox_dead on inbox (done_at) where state = 2')
    this.addSql('create index inbox_error_id on inbox (error_id) where error_id is not null')

    this.addSql(`
      create table button_payloads (
        id varchar(32) primary key,
        plugin text not null,
        action text not null,
        data jsonb,
        presser bigint,
        chat bigint,
        created_at timestamptz not null default now(),
        expires_at timestamptz not null
      )`)
    this.addSql('create index button_payloads_expires_at on button_payloads (expires_at)')
  }
}

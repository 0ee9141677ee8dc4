import { Migration } from '@mikro-orm/migrations'

export default class Access extends Migration {
  override up(): void {
    this.addSql(`
      create table access_roles (
        name text primary key,
        base text not null check (base in ('admin', 'operator', 'guest')),
        created_by bigint,
        created_at timestamptz not null default now()
      )`)
    this.addSql(`
      create table access_grants (
        id text primary key,
        role text,
        person bigint,
        permission text not null,
        effect text not null check (effect in ('allow', 'deny')),
        chat_id bigint,
        thread_id bigint,
        expires_at timestamptz,
        reason text,
        created_by bigint,
        created_at timestamptz not null default now(),
        check ((role is null) <> (person is null)),
        check (thread_id is null or chat_id is not null)
      )`)
    this.addSql('create index access_grants_role on access_grants (role) where role is not null')
    this.addSql(
      'create index access_grants_person on access_grants (person) where person is not null',
    )
    this.addSql(
      'create index access_grants_chat on access_grants (chat_id) where chat_id is not null',
    )
    this.addSql(
      'create index access_grants_expires_at on access_grants (expires_at) where expires_at is not null',
    )

    this.addSql(`
      create table access_lockdown (
        id int primary key check (id = 1),
        by bigint not null,
        reason text,
        created_at timestamptz not null default now()
      )`)

    this.addSql('alter table bot_users add column access_until timestamptz')
    this.addSql(
      'create index bot_users_access_until on bot_users (access_until) where access_until is not null',
    )

    // An epoch that went back would make rights valid again that were read long ago. Fires after bot_users_auth_epoch:
    // triggers do in the order of their names.
    this.addSql(`
      create function bot_users_raise_epoch() returns trigger language plpgsql as $$
      begin
        new.auth_epoch := old.auth_epoch + 1;
        return new;
      end $$`)
    this.addSql(`
      create trigger bot_users_auth_epoch_up before update of access_until, auth_epoch on bot_users
        for each row when (
          new.auth_epoch < old.auth_epoch
          or (new.auth_epoch = old.auth_epoch and new.access_until is distinct from old.access_until))
        execute function bot_users_raise_epoch()`)

    // What a role may is read with each of its people, so a change of it is a change of theirs.
    this.addSql(`
      create function access_grants_count_epoch() returns trigger language plpgsql as $$
      begin
        if tg_op <> 'INSERT' then
          update bot_users set auth_epoch = auth_epoch + 1 where telegram_id = old.person;
          update bot_users set auth_epoch = auth_epoch + 1 where role = old.role;
        end if;
        if tg_op <> 'DELETE' then
          update bot_users set auth_epoch = auth_epoch + 1 where telegram_id = new.person;
          update bot_users set auth_epoch = auth_epoch + 1 where role = new.role;
        end if;
        return null;
      end $$`)
    this.addSql(`
      create trigger access_grants_epoch after insert or update or delete on access_grants
        for each row execute function access_grants_count_epoch()`)
    this.addSql(`
      create function access_roles_count_epoch() returns trigger language plpgsql as $$
      begin
        if tg_op <> 'INSERT' then
          update bot_users set auth_epoch = auth_epoch + 1 where role = old.name;
        end if;
        if tg_op <> 'DELETE' then
          update bot_users set auth_epoch = auth_epoch + 1 where role = new.name;
        end if;
        return null;
      end $$`)
    this.addSql(`
      create trigger access_roles_epoch after insert or update or delete on access_roles
        for each row execute function access_roles_count_epoch()`)
    this.addSql(`
      create function access_lockdown_count_epoch() returns trigger language plpgsql as $$
      begin
        update bot_users set auth_epoch = auth_epoch + 1 where status = 'active';
        return null;
      end $$`)
    this.addSql(`
      create trigger access_lockdown_epoch after insert or delete on access_lockdown
        for each statement execute function access_lockdown_count_epoch()`)
  }
}

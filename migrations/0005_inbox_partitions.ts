import { Migration } from '@mikro-orm/migrations'

export default class InboxPartitions extends Migration {
  override up(): void {
    // Who works on which part of the inbox. An owner whose row goes, gone or taken for dead, owns nothing any more.
    this.addSql(`
      create table inbox_partitions (
        part smallint primary key,
        owner text references instances on delete set null,
        given_back boolean not null default true
      )`)
    this.addSql('create index inbox_partitions_owner on inbox_partitions (owner)')
    // What one instance alone may do.
    this.addSql(`
      create table leases (
        name text primary key,
        owner text references instances on delete set null
      )`)
    this.addSql('create index leases_owner on leases (owner)')
  }
}

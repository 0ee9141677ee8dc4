import { Migration } from '@mikro-orm/migrations'

export default class JobSchedules extends Migration {
  override up(): void {
    this.addSql(`
      create table job_schedules (
        plugin text not null,
        job text not null,
        expression text not null,
        due_at timestamptz not null,
        primary key (plugin, job)
      )`)
  }
}

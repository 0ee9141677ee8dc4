import { Migration } from '@mikro-orm/migrations'

/** The message of the outbox that holds the question: its buttons go when it is answered by a message. */
export default class QuestionOfADialog extends Migration {
  override up(): void {
    this.addSql('alter table user_sessions add column question bigint')
  }
}

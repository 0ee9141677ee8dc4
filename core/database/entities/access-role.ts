import { defineEntity, p } from '@mikro-orm/core'

const schema = defineEntity({
  name: 'AccessRole',
  tableName: 'access_roles',
  properties: {
    name: p.text().primary(),
    /** Whose rights it has to begin with, and beside whom it stands. */
    base: p.text().$type<'admin' | 'operator' | 'guest'>(),
    createdBy: p.bigint('number').nullable(),
    createdAt: p.datetime().onCreate(() => new Date()),
  },
})

/** A role that the bot's owners made, beside those that come with it. */
export class AccessRole extends schema.class {}

schema.setClass(AccessRole)

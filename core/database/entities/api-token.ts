import { defineEntity, p } from '@mikro-orm/core'

const schema = defineEntity({
  name: 'ApiToken',
  tableName: 'api_tokens',
  properties: {
    /** Part of the token, and no secret: by it the row is found. */
    id: p.text().primary(),
    /** Telegram id of whose token it is. */
    person: p.bigint('number'),
    /** What it is for, in the person's words; one of each a person. */
    name: p.text(),
    /** SHA-256 of the token, hex: what is drawn at random needs no slower one. */
    hash: p.text(),
    expiresAt: p.datetime(),
    /** Written at most once a minute. */
    lastUsedAt: p.datetime().nullable(),
    createdAt: p.datetime().onCreate(() => new Date()),
  },
})

/** A bearer token of the HTTP API, which acts with its person's rights. Made and removed, never changed. */
export class ApiToken extends schema.class {}

schema.setClass(ApiToken)

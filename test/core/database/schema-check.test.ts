import { defineEntity, p } from '@mikro-orm/core'
import { expect } from 'chai'
import type { Database } from '../../../core/database/connection.ts'
import { BotUser } from '../../../core/database/entities/bot-user.ts'
import type { Entity } from '../../../core/database/orm.ts'
import { missingFromSchema, schemaNeeds } from '../../../core/database/schema-check.ts'
import { freshDatabase } from '../../support/database.ts'

const Tag = defineEntity({
  name: 'Tag',
  tableName: 'check_tags',
  properties: { id: p.integer().primary(), name: p.string() },
})

const Place = defineEntity({
  name: 'Place',
  embeddable: true,
  properties: { city: p.text(), room: p.text().nullable() },
})

const Report = defineEntity({
  name: 'Report',
  tableName: 'check_reports',
  properties: { id: p.integer().primary(), work: () => p.oneToOne(Work) },
})

const Work = defineEntity({
  name: 'Work',
  tableName: 'check_works',
  properties: {
    id: p.integer().primary(),
    durationMin: p.integer(),
    chatId: p.bigint('number'),
    note: p.text().nullable(),
    at: p.datetime(),
    data: p.json<object>().nullable(),
    share: p.float().nullable(),
    user: () => p.manyToOne(BotUser).nullable(),
    tags: () => p.manyToMany(Tag).pivotTable('check_works_tags'),
    place: () => p.embedded(Place),
    spare: () => p.embedded(Place).object().nullable(),
    report: () => p.oneToOne(Report).mappedBy('work').nullable(),
    total: p.integer().persist(false),
  },
})

const works = `create table check_works (id serial primary key, duration_min int not null,
  chat_id bigint not null, note text, at timestamptz not null, data jsonb, share float8, user_id varchar(26),
  place_city text not null, place_room text, spare jsonb)`
const pivot = 'create table check_works_tags (work_id int, tag_id int)'

describe('needs of the entities', () => {
  let database: Database

  before(async () => {
    database = await freshDatabase()
  })

  after(() => database.close())

  beforeEach(() => database.query('drop table if exists check_works, check_works_tags, check_tags'))

  const missing = (...entities: Entity[]) => missingFromSchema(database, schemaNeeds(entities))

  it('knows the tables of the entities given, not of those they refer to', () => {
    expect([...schemaNeeds([Work]).tables.keys()].sort()).to.deep.equal([
      'check_works',
      'check_works_tags',
    ])
  })

  it('finds nothing missing where all is there, and more', async () => {
    await database.query(works)
    await database.query(pivot)
    await database.query(
      'alter table check_works add extra text, add counted int not null default 0',
    )
    expect(await missing(Work)).to.deep.equal([])
  })

  it('names missing tables', async () => {
    expect(await missing(Work, Tag)).to.deep.equal([
      'table check_works is missing',
      'table check_works_tags is missing',
      'table check_tags is missing',
    ])
  })

  it('names missing columns', async () => {
    await database.query(works)
    await database.query(pivot)
    await database.query('alter table check_works drop duration_min, drop user_id')
    await database.query('alter table check_works_tags drop tag_id')
    expect(await missing(Work)).to.deep.equal([
      'table check_works: column duration_min is missing',
      'table check_works: column user_id is missing',
      'table check_works_tags: column tag_id is missing',
    ])
  })

  it('names columns that can not hold the values', async () => {
    await database.query(works)
    await database.query(pivot)
    await database.query(`alter table check_works alter chat_id type int, alter note type int using 0,
      alter data type text, alter duration_min type bigint, alter at type timestamp`)
    expect(await missing(Work)).to.deep.equal([
      'table check_works: column chat_id is integer, the code needs bigint',
      'table check_works: column note is integer, the code needs text',
      'table check_works: column data is text, the code needs jsonb',
    ])
  })

  it('names columns that would refuse what the code writes', async () => {
    await database.query(works)
    await database.query(pivot)
    await database.query(
      'alter table check_works alter note set not null, add owner text not null, add seq int generated always as identity',
    )
    expect(await missing(Work)).to.deep.equal([
      'table check_works: column note must allow null',
      "table check_works: column owner must be filled and the code doesn't know it",
    ])
  })
})

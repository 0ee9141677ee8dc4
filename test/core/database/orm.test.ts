import { defineEntity, p } from '@mikro-orm/core'
import { expect } from 'chai'
import type { Database } from '../../../core/database/connection.ts'
import { AuditEntry } from '../../../core/database/entities/audit-entry.ts'
import { BotUser } from '../../../core/database/entities/bot-user.ts'
import { ButtonPayload } from '../../../core/database/entities/button-payload.ts'
import { InboxRow } from '../../../core/database/entities/inbox-row.ts'
import { coreEntities } from '../../../core/database/entities/index.ts'
import {
  isBadRow,
  isCommitUnknown,
  isConflict,
  isVersionConflict,
} from '../../../core/database/failure.ts'
import {
  createOrm,
  type EntityManager,
  forkForUpdate,
  inTransaction,
  type Orm,
} from '../../../core/database/orm.ts'
import { freshDatabase, testKind } from '../../support/database.ts'
import { collect } from '../../support/heap.ts'
import { rejected } from '../../support/rejected.ts'

const noteSchema = defineEntity({
  name: 'HookedNote',
  tableName: 'notes',
  properties: { id: p.integer().primary().autoincrement(false), text: p.text() },
})
class Note extends noteSchema.class {}
noteSchema.setClass(Note)

describe('orm', () => {
  let database: Database
  let orm: Orm
  let em: EntityManager

  before(async () => {
    database = await freshDatabase({ migrated: true })
    await database.query('create table notes (id int primary key, text text not null)')
    orm = await createOrm(database, [...coreEntities, Note])
  })

  after(() => database.close())

  beforeEach(async () => {
    await database.query('truncate bot_users, inbox, notes, audit_log, button_payloads')
    em = orm.em.fork()
  })

  it('lets the entities of replaced plugins go', async () => {
    const load = async () => {
      const schema = defineEntity({ name: 'Reloaded', properties: { id: p.integer().primary() } })
      class Reloaded extends schema.class {}
      schema.setClass(Reloaded)
      await createOrm(database, [...coreEntities, Reloaded])
      return new WeakRef(Reloaded)
    }
    const versions = [await load(), await load(), await load()]
    await collect()
    expect(versions[0]?.deref()).to.equal(undefined)
  })

  const accept = (updateId: number) =>
    database.inbox.query(
      `insert into inbox (bot_id, update_id, part, lane, payload) values (1, $1, 0, 'chat:1', '{}')`,
      [updateId],
    )
  const claim = async (unit: EntityManager, updateId: number) => {
    const rows = await unit.execute(
      'update inbox set state = 1, done_at = now(), payload = null where bot_id = 1 and update_id = ? and state = 0 returning update_id',
      [updateId],
    )
    if (rows.length === 0) throw new Error('claimed by another')
  }
  const stateOf = async (updateId: number) =>
    (
      await database.query<{ state: number }>('select state from inbox where update_id = $1', [
        updateId,
      ])
    )[0]?.state

  it('keeps a BotUser with all its columns', async () => {
    const seen = new Date('2026-05-06T07:08:09.123Z')
    const created = em.create(BotUser, {
      telegramId: 4_503_599_627_370_495,
      username: "o'neil",
      firstName: 'Анна',
      role: 'operator',
      status: 'active',
      metadata: { theme: 'dark', nested: { n: 1 } },
      lastSeenAt: seen,
    })
    expect(created.id, 'known before the flush').to.match(/^[0-9A-Z]{26}$/)
    await em.flush()

    const found = await orm.em.fork().findOneOrFail(BotUser, { telegramId: 4_503_599_627_370_495 })
    expect(found).to.include({
      id: created.id,
      telegramId: 4_503_599_627_370_495,
      username: "o'neil",
      firstName: 'Анна',
      lastName: null,
      role: 'operator',
      status: 'active',
      authEpoch: 0,
      blockedAt: null,
      version: 1,
    })
    expect(found.metadata).to.deep.equal({ theme: 'dark', nested: { n: 1 } })
    expect(found.lastSeenAt).to.deep.equal(seen)
    expect(found.createdAt).to.be.instanceOf(Date)
  })

  it('gives a new person the role and status of a stranger', async () => {
    em.create(BotUser, { telegramId: 5 })
    await em.flush()
    const found = await orm.em.fork().findOneOrFail(BotUser, { telegramId: 5 })
    expect(found).to.include({ role: 'guest', status: 'pending', authEpoch: 0 })
    expect(found.metadata).to.deep.equal({})
  })

  it('writes nothing for an entity that was only read', async () => {
    em.create(BotUser, { telegramId: 5, metadata: { a: 1 }, lastSeenAt: new Date() })
    await em.flush()
    const other = orm.em.fork()
    await other.findOneOrFail(BotUser, { telegramId: 5 })
    other.getUnitOfWork().computeChangeSets()
    expect(other.getUnitOfWork().getChangeSets()).to.have.length(0)
  })

  it('writes nothing of an update before its transaction, whatever is searched for meanwhile', async () => {
    const unit = forkForUpdate(orm)
    unit.create(BotUser, { telegramId: 5 })
    expect(await unit.find(BotUser, {})).to.deep.equal([])
    for (const write of [
      () => unit.flush(),
      () => unit.insert(BotUser, { telegramId: 6 }),
      () => unit.nativeUpdate(BotUser, {}, { role: 'admin' }),
      () => unit.nativeDelete(BotUser, {}),
      () => unit.transactional(async (inner) => void inner.create(BotUser, { telegramId: 7 })),
      () => unit.upsert(BotUser, { telegramId: 8 }),
    ]) {
      expect((await rejected(write())).code, String(write)).to.equal('OPS_EM_FLUSH')
    }
    expect(await database.query('select 1 from bot_users')).to.deep.equal([])
    await inTransaction(unit, async () => undefined)
    expect(await database.query('select 1 from bot_users')).to.have.length(1)
  })

  it('knows two people apart by Telegram id', async () => {
    em.create(BotUser, { telegramId: 5 })
    em.create(BotUser, { telegramId: 5 })
    expect(isBadRow(await thrownBy(em.flush()))).to.equal(true)
  })

  it('tells the second of two changes to one row by its version', async () => {
    em.create(BotUser, { telegramId: 5 })
    await em.flush()
    const [first, second] = [orm.em.fork(), orm.em.fork()]
    const a = await first.findOneOrFail(BotUser, { telegramId: 5 })
    const b = await second.findOneOrFail(BotUser, { telegramId: 5 })
    a.role = 'admin'
    b.role = 'operator'
    await first.flush()
    const failure = await thrownBy(second.flush())
    expect(isVersionConflict(failure), String(failure)).to.equal(true)
    expect(isConflict(failure)).to.equal(true)
    expect(await orm.em.fork().findOneOrFail(BotUser, { telegramId: 5 })).to.include({
      role: 'admin',
      version: 2,
    })
  })

  it('commits a claim together with the changes of the unit of work', async () => {
    await accept(10)
    em.create(BotUser, { telegramId: 5 })
    await inTransaction(em, () => claim(em, 10))
    expect(await stateOf(10)).to.equal(1)
    expect(await orm.em.fork().count(BotUser)).to.equal(1)
  })

  it('writes nothing when the claim is lost', async () => {
    await accept(10)
    await database.query('update inbox set state = 1')
    em.create(BotUser, { telegramId: 5 })
    const failure = await thrownBy(inTransaction(em, () => claim(em, 10)))
    expect(failure).to.have.property('message', 'claimed by another')
    expect(await orm.em.fork().count(BotUser)).to.equal(0)
  })

  it('gives the claim back when the changes are refused', async () => {
    await accept(10)
    em.create(BotUser, { telegramId: 5 })
    em.create(BotUser, { telegramId: 5 })
    const failure = await thrownBy(inTransaction(em, () => claim(em, 10)))
    expect(isBadRow(failure), String(failure)).to.equal(true)
    expect(await stateOf(10)).to.equal(0)
  })

  it('works with begin, execute, commit and rollback by hand', async () => {
    await accept(10)
    await em.begin()
    await claim(em, 10)
    await em.rollback()
    expect(await stateOf(10)).to.equal(0)
    await em.begin()
    await claim(em, 10)
    em.create(BotUser, { telegramId: 5 })
    await em.commit()
    expect(await stateOf(10)).to.equal(1)
    expect(await orm.em.fork().count(BotUser)).to.equal(1)
  })

  it('nests transactions by savepoints', async () => {
    await em.transactional(async (outer) => {
      outer.create(BotUser, { telegramId: 1 })
      await outer.flush()
      await outer
        .transactional(async (inner) => {
          inner.create(BotUser, { telegramId: 1 })
        })
        .catch(() => undefined)
      await outer.transactional(async (inner) => {
        inner.create(BotUser, { telegramId: 2 })
      })
    })
    expect(await orm.em.fork().count(BotUser)).to.equal(2)
  })

  it('refuses another unit of work inside transactional, with the coded error itself', async () => {
    const inside = await em.transactional(async () => thrownBy(orm.em.fork().find(BotUser, {})))
    expect(inside).to.have.property('name', 'OpsError')
    expect(inside).to.have.property('code', 'OPS_TRANSACTION_NESTED')
    const nested = await em.transactional(async () =>
      thrownBy(orm.em.fork().transactional(async () => undefined)),
    )
    expect(nested).to.have.property('code', 'OPS_TRANSACTION_NESTED')
  })

  it('refuses another unit of work inside a flush', async () => {
    const em = orm.em.fork({ freshEventManager: true })
    em.getEventManager().registerSubscriber({
      getSubscribedEntities: () => [Note],
      async afterCreate() {
        await orm.em.fork().find(BotUser, {})
      },
    })
    em.create(Note, { id: 1, text: 'a' })
    expect(await thrownBy(em.flush())).to.have.property('code', 'OPS_TRANSACTION_NESTED')
    expect(await orm.em.fork().count(Note)).to.equal(0)
  })

  it('refuses the outer unit of work inside, unless it follows the context', async () => {
    const refused = await em.transactional(async () => thrownBy(em.find(BotUser, {})))
    expect(refused).to.have.property('code', 'OPS_TRANSACTION_NESTED')
    const following = orm.em.fork({ useContext: true })
    expect(await following.transactional(async () => following.find(BotUser, {}))).to.deep.equal([])
  })

  it('lets two generations with different columns work side by side', async () => {
    const wider = defineEntity({
      name: 'HookedNote',
      tableName: 'notes',
      properties: {
        id: p.integer().primary().autoincrement(false),
        text: p.text(),
        extra: p.text().nullable(),
      },
    })
    await database.query('alter table notes add column if not exists extra text')
    const next = await createOrm(database, [...coreEntities, wider])
    const nextEm = next.em.fork()
    nextEm.create(wider, { id: 1, text: 'new', extra: 'more' })
    await nextEm.flush()
    em.create(Note, { id: 2, text: 'old' })
    await em.flush()
    expect(await orm.em.fork().count(Note)).to.equal(2)
  })

  it('refuses changes to what is on record', async () => {
    em.create(AuditEntry, {
      actorId: 5,
      action: 'users.block',
      outcome: 'refused',
      before: { a: 1 },
    })
    await em.flush()
    const failure = await thrownBy(database.query("update audit_log set outcome = 'done'"))
    expect(String(failure)).to.contain('append-only')
    const entry = await orm.em.fork().findOneOrFail(AuditEntry, { actorId: 5 })
    expect(entry.before).to.deep.equal({ a: 1 })
  })

  it('reads inbox rows and keeps button payloads', async () => {
    await accept(10)
    await accept(11)
    const rows = await em.find(InboxRow, { state: 0 }, { orderBy: { seq: 1 } })
    expect(rows.map(({ updateId }) => updateId)).to.deep.equal([10, 11])
    expect(rows[0]?.seq).to.be.a('number')
    em.create(ButtonPayload, {
      id: 'abc',
      plugin: 'worklog',
      action: 'undo',
      data: { id: 'x' },
      presser: 5,
      expiresAt: new Date(),
    })
    await em.flush()
    expect((await orm.em.fork().findOneOrFail(ButtonPayload, 'abc')).data).to.deep.equal({
      id: 'x',
    })
  })

  it('tells when the answer to COMMIT was lost', async function () {
    if (testKind === 'embedded') this.skip()
    await accept(10)
    await database.query(`
      create or replace function cut() returns trigger language plpgsql as $$
      begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$`)
    await database.query(`
      create constraint trigger cut after update on inbox deferrable initially deferred
        for each row execute function cut()`)
    try {
      for (let round = 0; round < database.poolMax + 2; round++) {
        const unit = orm.em.fork()
        expect(
          isCommitUnknown(await thrownBy(inTransaction(unit, () => claim(unit, 10)))),
        ).to.equal(true)
      }
    } finally {
      await database.query('drop trigger cut on inbox')
    }
    expect(await stateOf(10)).to.equal(0)
  })
})

async function thrownBy(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

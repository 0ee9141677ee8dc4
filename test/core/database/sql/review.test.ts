import { expect } from 'chai'
import { SchemaReview } from '../../../../core/database/sql/review.ts'
import { statementsOf } from '../../../../core/database/sql/statement.ts'
import type { Verdict } from '../../../../core/database/sql/verdict.ts'

/** The verdict on the last statement of a text. */
function verdictOn(sql: string): Verdict {
  const review = new SchemaReview()
  const verdicts = statementsOf(sql).map((statement) => review.judge(statement))
  const last = verdicts.at(-1)
  if (last === undefined) throw new Error('no statement')
  return last
}

const additive = [
  'create table t (id text primary key, a int not null unique check (a > 0))',
  'create table if not exists t (id int)',
  'create table t as select id, lower(name) from other',
  'create table t (a int, b int generated always as (my_function(a)) stored)',
  'create table t (id int); insert into t (id) values (1), (2)',
  'create table public.t (id int); insert into public.t (id) select id from "t"',
  'create table t (id int); update t set id = 2 where id in (select id from other)',
  'create table t (id int); alter table t alter column id type bigint; drop table t',
  'create table t (id int); alter table t rename to u; delete from u',
  'create table t (id int); create unique index on t (id)',
  'create table t (id int); create trigger x before update on t for each row execute function f()',
  'alter table t add column a text',
  'alter table t add a text null, add b int default 0 not null',
  'alter table "t" add "a" varchar(255) null',
  "alter table t add a jsonb not null default '{}'",
  "alter table t add a text[] not null default '{}'::text[], add c numeric(10, 2) default 0.00",
  'alter table t add a timestamptz not null default now()',
  'alter table t add a timestamptz(3) not null default current_timestamp(3)',
  "alter table t add a interval default interval '1 day', add b varchar(3) default 'x'::varchar(3)",
  'alter table t add a boolean default false, add b int check (b > 0)',
  'alter table t add a varchar(26) references bot_users (id) on update cascade on delete set null',
  'alter table t add a varchar(26) null; alter table t add constraint k foreign key (a) references u (id) on delete set null',
  'alter table t add a text; create unique index on t (a)',
  'alter table t add a text unique',
  'alter table t alter column a drop not null',
  "alter table t alter a set default 'x'",
  'alter table t validate constraint k',
  'create index t_a on t (a)',
  'create index if not exists "t_a" on only "t" using gin (a jsonb_path_ops) where a is not null',
  "comment on table t is 'drop table t; --'",
  "create type mood as enum ('a')",
  "alter type mood add value 'b'",
  'create function f() returns int language sql as $body$ delete from t; select 1 $body$',
  'create function f() returns int begin atomic select case when true then 1 end; select 2; end',
  'create view v as select a from t',
  'create extension if not exists pg_trgm',
  "set local lock_timeout = '1s'",
  'select count(*), max(a) from t where exists (select 1 from u where u.id = t.id)',
  'with a (x) as (select 1), b (y) as (values (2)) select x, y from a, b',
  '-- nothing\n/* drop /* nested */ table t */ select 1',
]

const breaking: Record<string, RegExp> = {
  'alter table t drop column a': /reads and writes column a of table t/,
  'alter table t rename column a to b': /old name/,
  'alter table t rename to u': /old name/,
  'alter table t alter column a type bigint': /type of column a/,
  'alter table t alter a set data type text using a::text': /type of column a/,
  'alter table t alter column a set not null': /may no longer be null/,
  'alter table t alter column a drop default': /loses its default/,
  'alter table t add column a text not null': /must be filled/,
  'alter table t add column a text not null default null': /must be filled/,
  'alter table t add column id text primary key': /must be filled/,
  'alter table t add a uuid default gen_random_uuid()': /gen_random_uuid\(\).*each row/,
  'alter table t add a timestamptz default clock_timestamp()': /clock_timestamp/,
  'alter table t add a int default my.f(1)': /my\.f\(\)/,
  'alter table t add a bigserial': /whole table/,
  'alter table t add a int generated always as identity': /whole table/,
  'alter table t add a int generated always as (b * 2) stored': /whole table/,
  "alter table t add a text unique default 'x'": /unique/,
  'alter table t add a int references u (id) default 1': /refers/,
  'alter table t add a int, drop column b': /column b/,
  'alter table t add constraint k check (a > 0)': /check rule on table t/,
  'alter table t add constraint k foreign key (a) references u (id) not valid': /foreign key/,
  'alter table t add unique (a)': /unique/,
  'alter table t add column if not exists a text; alter table t add unique (a)': /unique/,
  'alter table t add a text; alter table t add unique (a, b)': /unique/,
  'alter table t drop constraint k': /rule/,
  'alter table t enable row level security': /not known/,
  'create unique index on t (a)': /unique index on table t/,
  'create unique index on t (lower(a))': /unique index/,
  'create trigger x before insert on t for each row execute function f()': /writes to table t/,
  'create or replace function f() returns int language sql as $$ select 1 $$': /may replace/,
  'create or replace view v as select 1 as a': /may replace/,
  'create table if not exists t (id int); insert into t values (1)': /adds rows of table t/,
  'create table t as select my_function()': /my_function/,
  'drop table t': /table t/,
  'create table t (id int); drop table t, u': /t, u/,
  'drop index t_a': /index t_a/,
  'drop view if exists v': /view v/,
  'insert into t values (1)': /adds rows of table t/,
  'update only t set a = 1': /changes rows of table t/,
  'delete from t': /deletes rows of table t/,
  'with gone as (delete from t returning id) select id from gone': /deletes rows of table t/,
  'merge into t using u on t.id = u.id when matched then update set a = 1':
    /changes rows of table t/,
  'truncate t': /deletes the rows of table t/,
  'select * from t for update': /locks rows/,
  "select setval('s', 1)": /setval\(\)/,
  'alter sequence s restart': /sequence s/,
  'do $$ begin drop table t; end $$': /not known/,
  'call f()': /not known/,
  'lock table t': /not known/,
  'revoke select on t from u': /not known/,
  "set search_path = 'other'": /search_path/,
  'vacuum t': /not known/,
  "select 'open": /no end/,
  'select $a$ open': /no end/,
}

const refused = [
  'begin',
  'commit',
  'COMMIT AND CHAIN',
  'end',
  'rollback',
  'start transaction',
  'create index concurrently on t (a)',
]

describe('what a statement means for the version before', () => {
  for (const sql of additive) {
    it(`nothing: ${sql}`, () => expect(verdictOn(sql)).to.have.property('kind', 'additive'))
  }
  for (const [sql, why] of Object.entries(breaking)) {
    it(`trouble: ${sql}`, () => {
      const verdict = verdictOn(sql)
      expect(verdict).to.have.property('kind', 'breaking')
      expect(verdict).to.have.property('why').that.matches(why)
    })
  }
  for (const sql of refused) {
    it(`no migration may: ${sql}`, () => expect(verdictOn(sql)).to.have.property('kind', 'refused'))
  }

  it('tells that writes wait for an index', () => {
    expect(verdictOn('create index on t (a)')).to.have.property('note').that.contains('table t')
    expect(verdictOn('create table t (a int); create index on t (a)')).not.to.have.property('note')
  })
})

describe('the statements of a text', () => {
  const texts = (sql: string) => statementsOf(sql).map(({ text }) => text)

  it('end at semicolons, which also stand in texts, names, comments and bodies', () => {
    expect(
      texts(`select ';', E'\\';', $$;$$, $x$ $$;$$ $x$, ";" -- ;
      /* ; */ ; select 2;;  `),
    ).to.have.length(2)
    expect(texts('create function f() begin atomic select 1; end; select 2')).to.deep.equal([
      'create function f() begin atomic select 1; end',
      'select 2',
    ])
  })

  it('are none in an empty text', () => {
    expect(texts(' ; -- nothing')).to.deep.equal([])
  })
})

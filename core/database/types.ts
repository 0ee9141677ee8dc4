import { createPostgreSqlTypeParsers } from '@mikro-orm/sql'
import array from 'postgres-array'

const int8 = 20
const int8Array = 1016

/** A bigint column as a number where that is exact, else as a bigint. Telegram ids are below 2^53. */
function integer(text: string): number | bigint {
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : BigInt(text)
}

/**
 * How raw text of the server becomes JavaScript values, the same on both databases: what MikroORM expects of a
 * borrowed connection (times stay text, its mapping makes them dates), and bigints as numbers.
 */
export const typeParsers: Readonly<Record<number, (text: string) => unknown>> = {
  ...createPostgreSqlTypeParsers((text) => array.parse(text)),
  [int8]: integer,
  [int8Array]: (text) => array.parse(text, integer),
}

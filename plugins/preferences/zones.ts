import { setImmediate as nextTurn } from 'node:timers/promises'
import { isTimeZone } from 'opsgram'

export interface Zone {
  /** IANA name. */
  readonly zone: string
  /** Its place, in a reader's language. */
  readonly name: string
}

/** So many formatters a turn: one takes some 0.4 ms. */
const atOnce = 20

/** By language: names never change while a process runs. */
const names = new Map<string, readonly Zone[]>()
const mostLanguages = 16

/**
 * The zones that a text means: an IANA name, `UTC+3`, a city or a country as the zone is called, in English or in the
 * reader's language. One alone if it is named in full.
 */
export async function zonesNamed(text: string, language: string): Promise<readonly Zone[]> {
  const wanted = flat(text)
  const offset = /^(?:utc|gmt)? ?([+-]) ?(\d{1,2})(?::?(\d\d))?$/.exec(wanted)
  if (offset !== null) {
    const [, sign, hours = '', minutes = '00'] = offset
    const zone = `${sign}${hours.padStart(2, '0')}:${minutes}`
    return isTimeZone(zone) ? [{ zone, name: `UTC${zone}` }] : []
  }
  if (wanted.length < 2) return []
  // also names that the list has under another one: Europe/Kiev, Asia/Kolkata
  const named = text.trim().replaceAll(' ', '_')
  if ((named.includes('/') || wanted === 'utc') && isTimeZone(named)) {
    const zone = wanted === 'utc' ? 'UTC' : named
    return [{ zone, name: placeOf(zone) }]
  }
  const zones = await namesIn(language)
  const exact = zones.filter(({ zone, name }) => [flat(placeOf(zone)), flat(name)].includes(wanted))
  if (exact.length > 0) return exact
  return zones.filter(
    ({ zone, name }) => flat(zone).includes(wanted) || flat(name).includes(wanted),
  )
}

/** What the clocks of a zone show. */
export function timeIn(timeZone: string, now: Date, language: string): string {
  return now.toLocaleTimeString(language, { timeZone, timeStyle: 'short' })
}

async function namesIn(language: string): Promise<readonly Zone[]> {
  const known = names.get(language)
  if (known !== undefined) return known
  const found: Zone[] = []
  for (const [index, zone] of Intl.supportedValuesOf('timeZone').entries()) {
    // beside updates, which don't wait for all of them
    if (index % atOnce === 0) await nextTurn()
    found.push({ zone, name: nameOf(zone, language) })
  }
  if (names.size >= mostLanguages) names.clear()
  names.set(language, found)
  return found
}

/** `Москва`, `Germany`: what the zone is called where one doesn't say which half of the year it is. */
function nameOf(timeZone: string, language: string): string {
  if (language === 'en' || language.startsWith('en-')) return placeOf(timeZone)
  const name = new Intl.DateTimeFormat(language, { timeZone, timeZoneName: 'shortGeneric' })
    .formatToParts(0)
    .find(({ type }) => type === 'timeZoneName')?.value
  // without a name of its own it is called by its distance from UTC
  return name === undefined || /^(GMT|UTC)/.test(name) ? placeOf(timeZone) : name
}

/** `America/Argentina/Buenos_Aires` → `Buenos Aires` */
function placeOf(zone: string): string {
  return zone.slice(zone.lastIndexOf('/') + 1).replaceAll('_', ' ')
}

/** Without capitals, accents and underscores. */
function flat(text: string): string {
  return text.normalize('NFD').replaceAll(/\p{M}/gu, '').replaceAll('_', ' ').trim().toLowerCase()
}

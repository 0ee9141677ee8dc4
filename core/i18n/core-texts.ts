import en from './locales/en.json' with { type: 'json' }
import ru from './locales/ru.json' with { type: 'json' }
import { createTexts, type Texts } from './texts.ts'

/** What the core itself says to people: usage, refusals, errors. */
export function coreTexts(defaultLanguage: string): Texts {
  return createTexts({ languages: { en, ru }, defaultLanguage })
}

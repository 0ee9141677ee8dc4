import { createInstance, type Resource } from 'i18next'

/** Looks a text up and fills it: `t('saved', { id })`. A key that nothing has comes back as it is. */
export type Translate = (key: string, values?: Readonly<Record<string, unknown>>) => string

/** Nested texts of one language, as a locale file holds them. */
export interface TextTree {
  readonly [key: string]: string | TextTree
}

/** The texts of one plugin (or of the core) in all its languages. Immutable: a reload makes a new one. */
export interface Texts {
  /** For one language; `ru-RU` falls back to `ru`, then to the default, then to English. */
  in(language: string | undefined): Translate
  /** Languages that have texts of their own. */
  readonly languages: readonly string[]
}

export interface TextSources {
  /** By language: `{ en: {...}, ru: {...} }`. */
  languages: Readonly<Record<string, TextTree>>
  /** What the manifest says itself; used where no locale file has the key. */
  fallback?: TextTree
  /** Language of people who have none. */
  defaultLanguage: string
}

// a language that no locale file can have: the manifest's own texts stand behind all others
const manifestLanguage = 'dev'

export function createTexts(sources: TextSources): Texts {
  const resources: Resource = {}
  for (const [language, tree] of Object.entries(sources.languages)) {
    resources[language] = { texts: tree }
  }
  if (sources.fallback !== undefined) resources[manifestLanguage] = { texts: sources.fallback }
  const i18n = createInstance()
  // without a backend i18next is ready when init returns; the promise adds nothing
  void i18n.init({
    initAsync: false,
    resources,
    ns: ['texts'],
    defaultNS: 'texts',
    lng: sources.defaultLanguage,
    fallbackLng: [sources.defaultLanguage, 'en', manifestLanguage],
    // Telegram's markup is escaped where it is made (`html`), not where texts are filled
    interpolation: { escapeValue: false },
  })
  const byLanguage = new Map<string, Translate>()
  return {
    languages: Object.keys(sources.languages),
    in(language = sources.defaultLanguage) {
      let translate = byLanguage.get(language)
      if (translate === undefined) {
        const fixed = i18n.getFixedT(language)
        translate = (key, values) => String(fixed(key, { ...values }))
        // people send any tag they like: those with texts are few, the others share the fallback
        if (byLanguage.size < 64) byLanguage.set(language, translate)
      }
      return translate
    },
  }
}

import { type BotUser, type CoreSettings, languageTag } from 'opsgram'

/** In which language and time a person is written to who did not ask: their own choice, Telegram's word, the defaults. */
export function readerOf(
  { chosenLanguage, language, timeZone }: Pick<BotUser, 'chosenLanguage' | 'language' | 'timeZone'>,
  settings: Pick<CoreSettings, 'defaultLanguage' | 'defaultTimeZone'>,
): { readonly language: string; readonly timeZone: string } {
  return {
    // anybody's client sends any tag, and Intl throws on malformed ones
    language: languageTag(chosenLanguage ?? language ?? undefined) ?? settings.defaultLanguage,
    timeZone: timeZone ?? settings.defaultTimeZone,
  }
}

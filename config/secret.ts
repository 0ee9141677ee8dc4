/**
 * A bot token as Telegram issues it: the bot's id, a colon, 35 characters of base64url. It stands in
 * every Bot API URL right behind `/bot`, so it must not be anchored at a word boundary.
 */
export const botTokenPattern = /(?<!\d)(\d{6,20})(:|%3A)[A-Za-z0-9_-]{30,}/gi

const urlPassword = /(:\/\/[^\s:@/"'<>]{0,256}):[^\s"'<>]{1,512}@/g

/** A text without bot tokens and without the passwords of URLs. */
export function maskSecrets(text: string): string {
  return text.replace(botTokenPattern, '$1$2***').replace(urlPassword, '$1:***@')
}

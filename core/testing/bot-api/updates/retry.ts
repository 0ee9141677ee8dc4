/**
 * When a delivery is tried again, ms (tdlib/telegram-bot-api, WebhookActor.cpp): the first time at once, then after
 * 2, 4, 8 s and so on up to a random 60 to 120 s; what the receiver asked for counts, up to an hour.
 *
 * @param failures of this update so far, at least 1
 * @param askedS `Retry-After` of the answer, seconds
 */
export function retryDelay(
  failures: number,
  askedS: number | undefined,
  random: () => number = Math.random,
): number {
  if (askedS !== undefined && askedS > 0) return Math.min(askedS, 3_600) * 1_000
  if (failures <= 1) return 0
  const longest = 60 + random() * 60
  return Math.min(2 ** (failures - 1), longest) * 1_000
}

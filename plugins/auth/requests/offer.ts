import { type Answer, buttons, message, type Translate } from 'opsgram'

/** What a stranger is told once a day, with a button to ask for access by. */
export function offer(text: string, telegramId: number, t: Translate): Answer {
  return message(
    text,
    buttons({
      kind: 'button',
      plugin: 'auth',
      action: 'request',
      label: t('actions.request.label'),
      data: {},
      presser: telegramId,
    }),
  )
}

/** What a button of a person's screen does, as it travels in the button. */
export type Act =
  | { readonly kind: 'add'; readonly role: string }
  | { readonly kind: 'role'; readonly role: string }
  | { readonly kind: 'block' }
  | { readonly kind: 'unblock' }
  | { readonly kind: 'sessions' }
  /** 0 days: for ever. */
  | { readonly kind: 'until'; readonly days: number }
  | { readonly kind: 'grant'; readonly what: string; readonly days: number }
  | { readonly kind: 'take'; readonly what: string }

/** `role:operator`, `until:7`, `grant:worklog.write:7`. @returns undefined when it is nothing of that */
export function parseAct(text: string): Act | undefined {
  const [kind, what = '', number] = text.split(':')
  switch (kind) {
    case 'add':
    case 'role':
      return what === '' ? undefined : { kind, role: what }
    case 'block':
    case 'unblock':
    case 'sessions':
      return { kind }
    case 'until':
      return /^\d{1,4}$/.test(what) ? { kind, days: Number(what) } : undefined
    case 'grant':
      return what !== '' && /^\d{1,4}$/.test(number ?? '')
        ? { kind, what, days: Number(number) }
        : undefined
    case 'take':
      return what === '' ? undefined : { kind, what }
    default:
      return undefined
  }
}

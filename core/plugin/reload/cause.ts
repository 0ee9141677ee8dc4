/** Somebody who asked for something, as it is kept and shown. */
export interface Person {
  readonly telegramId: number
  readonly name: string
}

/** Why plugins are loaded, reloaded or taken out of service. */
export type Cause =
  | { readonly why: 'start' | 'save' | 'settings' | 'stop' }
  /** `by` is missing where no person stands behind it. */
  | {
      readonly why: 'reload' | 'roll-back' | 'disable' | 'enable' | 'approval'
      readonly by: Person | undefined
    }

/** Who stands behind it, if it is a person. */
export function personBehind(cause: Cause): Person | undefined {
  return 'by' in cause ? cause.by : undefined
}

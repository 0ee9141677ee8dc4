/** What a shard tells the runner. */
export type Report =
  | { readonly kind: 'ready' }
  | { readonly kind: 'test'; readonly title: string; readonly state: 'passed' | 'skipped' }
  | { readonly kind: 'failed'; readonly title: string; readonly text: string }
  | { readonly kind: 'done' }

/** What the runner tells a shard: run this file. */
export interface Task {
  readonly file: string
  readonly grep: string | undefined
}

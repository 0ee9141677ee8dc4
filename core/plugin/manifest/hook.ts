import type { z } from 'zod'
import type { HookVerifier } from '../../http/hooks/verify.ts'
import type { RetryPolicy } from '../../job/request.ts'
import type { JobContext } from './job.ts'
import type { PluginTypes } from './view.ts'

export interface HookDefinition<P extends PluginTypes, B extends z.ZodType> {
  /** How it is known who sends: `hmac(…)`, `bearer()`, `standardWebhook()`. */
  verify: HookVerifier
  /**
   * What the sender holds, out of the settings; two, parted by a comma, while one replaces the other. Without one every
   * request is refused.
   */
  secret(config: P['config']): string | undefined
  /** What the body has to be, as JSON; unknown fields of its top level are kept. Without one: any JSON, else the text. */
  body?: B
  /** As of a job. */
  retry?: Partial<RetryPolicy>
  /** As of a job. */
  deadlineMs?: number
  /** As of a job. */
  concurrency?: number
  /** Runs as a job, after the sender was answered. */
  run(ctx: JobContext<P>, body: z.output<B>): unknown
}

/** An inbound webhook as the core knows it; made by the kit's `hook`. */
export interface Hook {
  readonly kind: 'hook'
  readonly verify: HookVerifier
  readonly secret: (config: never) => string | undefined
  readonly body?: z.ZodType
}

export interface HookKit<P extends PluginTypes> {
  /** `POST /hooks/<plugin>/<hook>`: answered when it is durable, handled as a job. */
  hook<B extends z.ZodType = z.ZodUnknown>(definition: HookDefinition<P, B>): Hook
}

/** The job that handles what a hook took. */
export function hookJob(hook: string): string {
  return `hook:${hook}`
}

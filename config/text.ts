import { z } from 'zod'

/** A whole number within bounds, both included. */
export function wholeNumber(least: number, most: number): z.ZodType<number, string> {
  return z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .pipe(z.number().min(least).max(most))
}

/** `true` or `false`, as the words and nothing else: `0`, `no` and `off` mean different things to different people. */
export const flag: z.ZodType<boolean, string> = z
  .enum(['true', 'false'])
  .transform((word) => word === 'true')

/** Items between commas, trimmed; blank ones and repetitions are dropped, none left is not accepted. */
export function listOf(item: z.ZodType<string, string>): z.ZodType<string[], string> {
  return z
    .string()
    .transform((text) => [...new Set(text.split(',').map((part) => part.trim()))].filter(Boolean))
    .pipe(z.array(item).min(1))
}

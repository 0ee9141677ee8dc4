/** Full size when the benchmark was asked for by name; small when all of them run. */
export function sized<T>(sizes: { small: T; full: T }): T {
  return process.argv[2] === 'full' ? sizes.full : sizes.small
}

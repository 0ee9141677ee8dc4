/**
 * A `Host` header that only this machine's own programs send: localhost, 127.0.0.1 or [::1], with
 * any port. A website that points its name at 127.0.0.1 fails here.
 */
export function isLoopbackHost(host: string | undefined): boolean {
  return /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i.test(host ?? '')
}

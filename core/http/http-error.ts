/**
 * Thrown by a route of a plugin: the request is answered with this status, code and message, and nothing that it
 * changed is written.
 */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly status: number
  readonly code: string

  /**
   * @param status 400–499
   * @param code for programs, stable: `WORKLOG_UNKNOWN`
   * @param message for people: the one who sent the request reads it
   */
  constructor(status: number, code: string, message: string) {
    super(message)
    if (!Number.isInteger(status) || status < 400 || status > 499) {
      throw new RangeError(`An HttpError has a status of 400 to 499, not ${status}`)
    }
    this.status = status
    this.code = code
  }
}

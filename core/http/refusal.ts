import type { FastifyError, FastifyReply } from 'fastify'
import { type ErrorCode, errorCodes } from '../errors.ts'

/** The body of every refusal. Messages are the code's own: what was thrown may hold anything. */
export function refusal(code: ErrorCode, more: object = {}) {
  const { title, hint } = errorCodes[code]
  return { error: { code, message: title, hint, ...more } }
}

export function refuse(
  reply: FastifyReply,
  status: number,
  code: ErrorCode,
  more: object = {},
): FastifyReply {
  return reply.code(status).send(refusal(code, more))
}

/** Answers what Fastify itself found wrong in a request. @returns undefined: it is another error */
export function refuseBroken(reply: FastifyReply, error: FastifyError): FastifyReply | undefined {
  const status = error.statusCode ?? 500
  if (status === 413) return refuse(reply, 413, 'OPS_HTTP_TOO_LARGE')
  if (status < 400 || status >= 500) return undefined
  // Fastify's own say which part of the request is wrong
  const detail = error.code?.startsWith('FST_') || error.validation ? { detail: error.message } : {}
  return refuse(reply, status, 'OPS_HTTP_BAD_REQUEST', detail)
}

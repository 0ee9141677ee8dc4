import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { Busboy, type BusboyHeaders } from '@fastify/busboy'
import { ApiFailure, badRequest } from './failure.ts'
import type { Upload } from './request.ts'

/** Reads a multipart form into fields and whole files. @throws {ApiFailure} 400, 413 */
export function readMultipart(
  request: IncomingMessage,
  limit: number,
): Promise<{ values: Record<string, string>; files: Map<string, Upload> }> {
  return new Promise((resolve, reject) => {
    const values: Record<string, string> = {}
    const files = new Map<string, Upload>()
    const broken = () => reject(badRequest("can't parse multipart form"))
    let parser: InstanceType<typeof Busboy>
    try {
      // The header is there: only a request that carries it comes here.
      parser = new Busboy({
        headers: request.headers as BusboyHeaders,
        limits: { fieldSize: limit, fileSize: limit },
      })
    } catch {
      broken()
      return
    }
    parser.on('field', (name: string, value: string) => {
      values[name] = value
    })
    parser.on(
      'file',
      (field: string, stream: Readable, name: string, _encoding: string, mime: string) => {
        const chunks: Buffer[] = []
        stream.on('data', (chunk: Buffer) => chunks.push(chunk))
        stream.on('limit', () => reject(new ApiFailure(413, 'Request Entity Too Large')))
        stream.on('end', () =>
          files.set(field, { name: name ?? field, mime, data: Buffer.concat(chunks) }),
        )
      },
    )
    parser.on('finish', () => resolve({ values, files }))
    parser.on('error', broken)
    request.on('error', reject)
    request.pipe(parser)
  })
}

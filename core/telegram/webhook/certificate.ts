import { readFile } from 'node:fs/promises'
import { codeOf, OpsError } from '../../errors.ts'

/** The certificate that Telegram is to trust. @throws OPS_WEBHOOK_CERT */
export async function readCertificate(file: string): Promise<Buffer> {
  let content: Buffer
  try {
    content = await readFile(file)
  } catch (error) {
    throw new OpsError(
      'OPS_WEBHOOK_CERT',
      `WEBHOOK_CERT ${file} cannot be read (${codeOf(error)})`,
      {
        cause: error,
        details: { variable: 'WEBHOOK_CERT', file },
      },
    )
  }
  const text = content.toString('latin1')
  // it would be sent to Telegram
  if (text.includes('PRIVATE KEY')) {
    throw new OpsError('OPS_WEBHOOK_CERT', `WEBHOOK_CERT ${file} holds a private key`, {
      hint: 'Give the public certificate alone: the private key belongs to the proxy that ends TLS.',
      details: { variable: 'WEBHOOK_CERT', file },
    })
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----')) {
    throw new OpsError('OPS_WEBHOOK_CERT', `WEBHOOK_CERT ${file} is no certificate in PEM`, {
      details: { variable: 'WEBHOOK_CERT', file },
    })
  }
  return content
}

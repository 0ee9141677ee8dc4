import { z } from 'zod'
import type { Section, Variables } from './variable.ts'

const variables = {
  SECRETS_DIR: {
    schema: z.string(),
    accepted: 'the path of a folder; it need not exist',
    description:
      'A folder with a file for each variable that is not to stand in the environment, named like it (BOT_TOKEN), as secrets of Docker, Kubernetes and systemd are. They win over .env; the real environment wins over them.',
    example: '/run/secrets',
  },
} as const satisfies Variables

export const secretsDir: Section<typeof variables> = { title: 'Secrets in files', variables }

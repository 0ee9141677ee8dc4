import { z } from 'zod'
import { flag, listOf } from './text.ts'
import type { Section, Variables } from './variable.ts'

const variables = {
  PLUGINS_DIR: {
    schema: listOf(z.string()),
    fallback: './plugins',
    accepted: 'one or more paths, separated by commas',
    description:
      'Folders of plugin folders. Just these are read, the first-party plugins too; a name in two of them is a conflict.',
  },
  PLUGINS_PACKAGES: {
    schema: listOf(z.string().regex(/^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/)),
    accepted: 'names of npm packages, separated by commas',
    description:
      'Installed npm packages that are plugins. Only those that are linked (npm link, workspaces) are watched; a folder of the same name in PLUGINS_DIR wins.',
    example: 'opsgram-netbox',
  },
  PLUGINS_WATCH: {
    schema: flag,
    fallback: 'true',
    accepted: 'true or false',
    description:
      'Reload plugins when their files change. Whoever can write there runs code; with false a reload happens only by /plugins.',
  },
  PLUGINS_DISABLED: {
    schema: listOf(z.string().regex(/^[a-z][a-z0-9]{1,15}$/)),
    accepted: 'names of plugins (lower case letters and digits), separated by commas',
    description: 'Plugins that are not loaded.',
    example: 'worklog',
  },
} as const satisfies Variables

export const plugins: Section<typeof variables> = { title: 'Plugins', variables }

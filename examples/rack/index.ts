import { bold, code, definePlugin, durationText, html, link, mention, table } from 'opsgram'

const hosts = [
  {
    name: 'db-1',
    what: 'Датабаза',
    usedGb: 912,
    upMs: 95_000_000,
    owner: { telegramId: 7, name: 'Pavel' },
  },
  {
    name: 'sw-12',
    what: 'Switch in the basement, behind the door',
    usedGb: 2,
    upMs: 3_900_000,
    owner: undefined,
  },
]

export default definePlugin({
  name: 'rack',
  version: '1.0.0',
  description: 'What stands in the rack',
  commands: ({ command }) => ({
    rack: command({
      description: 'All hosts as a table',
      run: () =>
        table(
          hosts.map(({ name, what, usedGb }) => [name, what, usedGb]),
          { head: ['Host', 'What', 'GB'] },
        ),
    }),
    hosts: command({
      description: 'One line a host, for reading',
      run: ({ language }) =>
        html`${bold('Hosts')}${hosts.map(
          ({ name, upMs, owner }) =>
            html`\n${code(name)} up ${durationText(upMs, language)}${owner && html`, of ${mention(owner)}`}`,
        )}\n${link('More', 'https://docs.example.org/rack')}`,
    }),
  }),
})

import {
  type AvailableCommand,
  bold,
  type Html,
  html,
  type PluginStatus,
  type Translate,
} from 'opsgram'

/** All commands by plugin, each with its usage and subcommands. */
export function overview(
  commands: readonly AvailableCommand[],
  plugins: readonly PluginStatus[],
  t: Translate,
): Html {
  const about = new Map(plugins.map(({ name, description }) => [name, description]))
  const groups = Map.groupBy(commands, ({ plugin }) => plugin)
  const sections = [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([plugin, own]) =>
        html`${bold(plugin)} · ${about.get(plugin)}\n${own.flatMap(withSubcommands).map(line)}\n`,
    )
  return html`${bold(t('help.title'))}\n\n${sections}${t('help.more')}`
}

/** One command: usage, arguments, other names, subcommands. */
export function details(command: AvailableCommand, t: Translate): Html {
  const names = command.aliases.map((alias) => `/${alias}`).join(', ')
  const list = command.arguments.map(({ name, required, hint, description }) => {
    const optional = !required && ` (${t('help.optional')})`
    const about = description ?? hint ?? (required ? t('help.required') : undefined)
    return html`• ${bold(name)}${optional}${about !== undefined && ` — ${about}`}\n`
  })
  return html`${bold(command.usage)}\n${command.description}\n${[
    list.length > 0 && html`\n${t('help.arguments')}\n${list}`,
    names !== '' && html`\n${t('help.aliases', { names })}\n`,
    command.subcommands.length > 0 &&
      html`\n${t('help.subcommands')}\n${command.subcommands.map(line)}`,
  ]}`
}

/** `/worklog list`, `log`, an alias: how people name a command. */
export function find(
  commands: readonly AvailableCommand[],
  asked: string,
): AvailableCommand | undefined {
  const [word, ...rest] = asked.toLowerCase().replace(/^\//, '').split(/\s+/)
  const command = commands.find(
    ({ path, aliases }) => path === word || aliases.includes(word ?? ''),
  )
  if (rest.length === 0) return command
  return command?.subcommands.find(({ path }) => path === [command.path, ...rest].join(' '))
}

function withSubcommands(command: AvailableCommand): readonly AvailableCommand[] {
  return [command, ...command.subcommands]
}

function line({ usage, description }: AvailableCommand): Html {
  return html`${usage} — ${description}\n`
}

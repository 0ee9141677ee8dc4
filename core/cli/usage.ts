/** What `opsgram help` and docs/commands.md say of a command. */
export interface CommandUsage {
  readonly usage: string
  /** In the list of all; begins small, ends without a full stop. */
  readonly summary: string
  /** What `--help` says beyond that. */
  readonly details: string
}

/** All commands of `opsgram`, in the order in which an author meets them. */
export const commandUsages = {
  new: {
    usage: 'new [NAME] [--dir DIR] [--with entity] [--description TEXT]',
    summary: 'write a new plugin: code, texts, test, README',
    details:
      'A bot that runs has it at once. Without NAME it asks, on a terminal, for all that is not given. DIR is where plugin folders lie; default: the first of PLUGINS_DIR. --with entity: with a table of its own. Its test runs by npm test in a checkout of opsgram, elsewhere by npx opsgram test.',
  },
  check: {
    usage: 'check [--json] PATH…',
    summary: 'tell all that is wrong with plugin folders',
    details:
      'Builds each plugin and reads its manifest, checks types, texts and conflicts with its neighbours, tells who gets in and what of that may not be meant, then loads it, reloads it three times and takes it away again in a scratch bot with an empty database: its setup runs, with its settings from .env and the environment. Timers, sockets, listeners and replaced code that stay are named. Exit code 1 when something is wrong; --json for programs.',
  },
  test: {
    usage: 'test [PATH…]',
    summary: 'run the tests of plugins',
    details:
      'On the Node that the bot runs on, with the runner that is built into it; in a checkout of opsgram it is npm test. PATH: folders or test files; default: the current folder. With TEST_DATABASE_URL the bots of the tests run on PostgreSQL.',
  },
  dev: {
    usage: 'dev [PATH…] [--inspect[=PORT]] [--playground] [--no-types]',
    summary: 'run the bot for work on it: reload, type errors, debugger',
    details:
      'Without BOT_TOKEN (or with --playground) it opens the playground, whose chats stay when the bot is started anew: at a change of the core, in a checkout, or of the core’s settings in .env. PATH: plugin folders, or folders of them, besides those of PLUGINS_DIR; default: the current folder if it is a plugin. First-party plugins are there too. Types are checked after each save and hold up nothing (--no-types: not at all). --inspect lets a debugger in on 127.0.0.1:9229 or PORT; breakpoints in plugin files bind.',
  },
  migrate: {
    usage: 'migrate [--dry-run] | status | create NAME [--plugin P] | redo [--plugin P] [--force]',
    summary: 'run the pending migrations of the core and all plugins; write one',
    details:
      'On the database of .env and the environment. While no instance of the bot lives it runs everything, beside one what is additive. --dry-run names what is pending and changes nothing, status lists all there is. create writes a plugin’s next migration: what its entities have and its migrations don’t make yet, else an empty one. redo undoes the last one by its down and runs it anew, for writing one; on PostgreSQL only with --force. Without --plugin the folder that it runs in is meant, or the only plugin there is. docs/migrations.md tells more.',
  },
  plugin: {
    usage: 'plugin purge NAME [--yes]',
    summary: 'drop what a plugin has left whose folder is gone',
    details:
      'Lists its tables with their rows, its kept builds and what people decided about it, and asks before all of it goes. Refused while its folder is there or an instance of the bot lives. --yes doesn’t ask.',
  },
  dead: {
    usage: 'dead [show ID | again ID… | drop ID…]',
    summary: 'updates that could not be handled: list, show, run again, drop',
    details:
      'On the database of .env and the environment, by the ids that people were told. PostgreSQL may be in use by running bots, which take up at once what is run again; with the embedded database the bot must not run.',
  },
  doctor: {
    usage: 'doctor [--json]',
    summary: 'tell what is wrong with this installation, and how to mend it',
    details:
      'Looks at the configuration, Node, the port, DATA_DIR, the database, Redis, what the system lets be watched, and at each plugin folder: its state, why, the last good build, settings, conflicts, what it needs. Works while the bot runs and while it does not, and changes nothing. Exit code 1 when something has to be mended.',
  },
  backup: {
    usage: 'backup [--dir DIR] [--keep N]',
    summary: 'back up the database',
    details:
      'Of .env and the environment, to DATA_DIR/backups or DIR; the newest 14 or N stay. PostgreSQL by pg_dump, while bots run; of the embedded database an archive of its files, which a bot that runs writes itself. Beside each backup lies a .json that tells what its tables hold.',
  },
  restore: {
    usage: 'restore FILE [--verify | --yes]',
    summary: 'put a backup in the place of the database',
    details:
      'First into a new database beside it, which is compared with what was backed up; only then it asks (--yes: doesn’t) and puts that one in the other’s place, whose data it keeps under another name. Refused while an instance of the bot lives. --verify replaces nothing.',
  },
  config: {
    usage: 'config [--write | --check]',
    summary: 'print an example .env',
    details:
      'In a checkout of opsgram, --write writes the generated files anew and --check names those that are stale.',
  },
} as const satisfies Readonly<Record<string, CommandUsage>>

export type CommandName = keyof typeof commandUsages

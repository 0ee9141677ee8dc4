/** What a code means in general; one error's own message says what happened this time. */
interface ErrorEntry {
  /** What went wrong, as a heading. */
  readonly title: string
  /** What to do about it, unless the error at hand knows better. */
  readonly hint: string
}

/**
 * Every coded error of the project. Codes are stable: people search for them and tests rely on them.
 * `docs/errors.md` is generated from this table.
 */
export const errorCodes = {
  OPS_ADMIN_IDS_MISSING: {
    title: 'A bot without owners would answer nobody',
    hint: 'Set ADMIN_IDS to your numeric Telegram id. To find it, send /start to @userinfobot, or set ADMIN_IDS=1 for one start and write to your bot: it answers with your id.',
  },
  OPS_API_ADDRESS: {
    title: 'An address can’t be called',
    hint: 'It has to be http or https; an address that a person gave has to lead into the public internet.',
  },
  OPS_API_BODY: {
    title: 'Another service answered with what was not expected',
    hint: 'Look at the answer: an error page, another version of the API, a proxy that wants a login.',
  },
  OPS_API_CIRCUIT: {
    title: 'Another service failed again and again, and is not called for some seconds',
    hint: 'Look at /api for what it failed of. It is tried again by itself.',
  },
  OPS_API_REDIRECT: {
    title: 'Another service redirects without end, or nowhere',
    hint: 'Correct the address in the plugin’s settings: the last one that it redirects to, most likely.',
  },
  OPS_API_STATUS: {
    title: 'Another service refused a call',
    hint: 'Its answer says why: 401 and 403 are about the token in the plugin’s settings, 404 about the address, 429 about too many calls.',
  },
  OPS_API_TIMEOUT: {
    title: 'Another service did not answer in time',
    hint: 'Check whether it is up and how busy it is; the plugin may give it more time by `timeoutMs`.',
  },
  OPS_API_TOO_LARGE: {
    title: 'Another service answered with more than is taken',
    hint: 'Ask for less at a time (pages, fields), or raise `maxBytes`.',
  },
  OPS_API_UNREACHABLE: {
    title: 'Another service can’t be reached',
    hint: 'Check its address, the network between, and its certificate (NODE_EXTRA_CA_CERTS for a CA of your own).',
  },
  OPS_BACKUP_CRON: {
    title: 'BACKUP_CRON is no cron expression',
    hint: 'Five fields: minute, hour, day of the month, month, day of the week. 15 3 * * * is every night at 3:15.',
  },
  OPS_BACKUP_DIFFERS: {
    title: 'A backup does not hold what it should',
    hint: 'Take an older one. Keep this one and its .json for a look: the file was changed, or the disk has lost some of it.',
  },
  OPS_BACKUP_FAILED: {
    title: 'A backup or a restore did not go through',
    hint: 'The message tells what pg_dump, pg_restore or the archive said. The database is as it was.',
  },
  OPS_BACKUP_FILE: {
    title: 'There is no such backup',
    hint: 'Name the file of a backup (.dump or .tar.gz) whose .json lies beside it: ls var/backups',
  },
  OPS_BACKUP_KIND: {
    title: 'The backup is of another kind of database',
    hint: 'Set or leave out DATABASE_URL as it was when the backup was made.',
  },
  OPS_BACKUP_TOOL: {
    title: 'The programs of PostgreSQL are missing or too old',
    hint: 'Install those of the server’s version or newer, here or where the server is: apt-get install postgresql-client',
  },
  OPS_BEARER_FAILURES: {
    title: 'Too many wrong tokens came from this address',
    hint: 'Correct the token, and wait for the time in Retry-After. Behind a proxy set TRUST_PROXY, or all clients count as one.',
  },
  OPS_BEARER_REFUSED: {
    title: 'The request has no valid token',
    hint: 'Send Authorization: Bearer TOKEN. /token new NAME makes one; /token list shows which have ended.',
  },
  OPS_BUTTON: {
    title: 'A button was made for an action that its plugin lacks, or with data that does not fit',
    hint: 'Use a name of the manifest’s `actions`, with the data that its schema asks for.',
  },
  OPS_BUTTON_DATA: {
    title: 'The data of a button does not fit',
    hint: 'Names of plugin and action share 64 bytes with the id: choose a shorter action name.',
  },
  OPS_CACHE: {
    title: 'A value was asked for in a way that can’t be kept',
    hint: 'Give `ttlMs`, how long it may be kept: more than 0 milliseconds.',
  },
  OPS_CANCELLED: {
    title: 'A handler was cancelled by the person who asked for it',
    hint: 'Nothing is wrong: nothing of it was saved. Honour ctx.signal, so that its work outside ends too.',
  },
  OPS_CHAT_PLUGIN: {
    title: 'A plugin that lets people in can’t be switched off in a chat',
    hint: 'Switch off others there; what may be used in a chat is also a matter of grants: /grants deny.',
  },
  OPS_CLI_EXISTS: {
    title: 'There is a plugin of that name already',
    hint: 'Choose another name, or remove that folder first.',
  },
  OPS_CLI_USAGE: {
    title: 'The command line was not understood',
    hint: 'See npx opsgram help for the commands, and npx opsgram help COMMAND for one of them.',
  },
  OPS_CLOCK_SKEW: {
    title: 'The clock of this machine differs from Telegram’s',
    hint: 'Switch time synchronisation (NTP) on. Leases and the freshness of updates do not depend on this clock; times of day that people and plugins see do.',
  },
  OPS_COMMITTED: {
    title: 'A handler wrote something after its commit',
    hint: 'An update is committed once. Write everything before ctx.commit(), or inside ctx.transactional(), and let its error out when it fails.',
  },
  OPS_COMMIT_UNKNOWN: {
    title: 'The connection was lost while a transaction was being committed',
    hint: 'It may have been written or not: look at what it should have changed before doing it again.',
  },
  OPS_CONFIG: {
    title: 'A setting has a value that is not accepted',
    hint: 'Correct the variable in the environment or in .env and start again.',
  },
  OPS_DATABASE_AUTH: {
    title: 'PostgreSQL refused the user or the password',
    hint: 'Check the user and the password in DATABASE_URL, and pg_hba.conf of the server.',
  },
  OPS_DATABASE_BUSY: {
    title: 'No database connection became free in time',
    hint: 'Something holds its transaction for too long, or there is more work than the database can do.',
  },
  OPS_DATABASE_DAMAGED: {
    title: 'The files of the database are damaged',
    hint: 'Keep a copy of them. Put a backup in their place; or, if the database is the embedded one, move its folder away to begin with an empty one.',
  },
  OPS_DATABASE_IN_USE: {
    title: 'Another process uses the database',
    hint: 'Stop the other process, or give this one a database of its own.',
  },
  OPS_DATABASE_MISSING: {
    title: 'The database does not exist',
    hint: 'Create it with createdb, or correct the name in DATABASE_URL.',
  },
  OPS_DATABASE_OTHER_BOT: {
    title: 'A bot with another token uses the database',
    hint: 'Each bot needs a database of its own: change DATABASE_URL, or stop the other bot.',
  },
  OPS_DATABASE_UNREACHABLE: {
    title: 'The database cannot be reached',
    hint: 'Check that PostgreSQL runs and that host and port in DATABASE_URL are right. Without DATABASE_URL the embedded database is used.',
  },
  OPS_DATABASE_VERSION: {
    title: 'PostgreSQL is too old',
    hint: 'Use PostgreSQL 15 or later, or leave DATABASE_URL out to use the embedded database.',
  },
  OPS_DATA_DIR: {
    title: 'The folder for data cannot be used',
    hint: 'Point DATA_DIR to a folder that this user may write, on a disk that is not full.',
  },
  OPS_DEADLINE: {
    title: 'A handler took too long',
    hint: 'Move long work into the background, or honour ctx.signal.',
  },
  OPS_DIALOG: {
    title:
      'A dialog was begun that its plugin lacks, with data that do not fit, or went round in a circle',
    hint: 'Use a name of the manifest’s `dialogs`, with keys of its state, for an update that a person sent in a chat.',
  },
  OPS_DISK_LOW: {
    title: 'The disk of DATA_DIR is almost full',
    hint: 'Make room: old backups, logs and heap snapshots lie there, too. Below 2 GiB, or a tenth of a smaller disk, it is told; at 0 an embedded database stops.',
  },
  OPS_EM_FLUSH: {
    title: 'A handler wrote the unit of work of its update by itself',
    hint: 'Leave that call out: what is created, changed or removed in ctx.em is written together with the completed update. For writes of their own use scope.em() in setup.',
  },
  OPS_ENV_FILE: {
    title: 'The file .env cannot be read',
    hint: 'Make .env a text file that the user who runs Opsgram may read, or remove it and set the variables otherwise.',
  },
  OPS_HEALTH_FAILED: {
    title: 'A health check of a plugin threw',
    hint: 'The log event plugin.health.changed tells what and where. What the plugin checks is away, or the check itself is wrong.',
  },
  OPS_HEALTH_REPORT: {
    title: 'A health check of a plugin returned what is no report',
    hint: "Return nothing when all is well, or { status: 'up' | 'degraded' | 'down', detail: 'one line' }; or throw.",
  },
  OPS_HEALTH_TIMEOUT: {
    title: 'A health check of a plugin took too long',
    hint: 'It has 5 s. Give what it waits for a shorter limit, and pass on the signal that it gets.',
  },
  OPS_HOOK_AWAY: {
    title: 'The plugin of this hook is not live now',
    hint: 'Send it again in a while. /plugins says for what it waits: another plugin, or an owner’s approval of a hook that is new or takes a weaker proof.',
  },
  OPS_HOOK_BODY: {
    title: 'What was sent to a hook is not what it takes',
    hint: 'Compare the sender’s template with what the plugin’s page says that it takes.',
  },
  OPS_HOOK_FLOOD: {
    title: 'Too much is sent to a hook',
    hint: 'Send it again after the time in Retry-After, and send less: group it at the sender.',
  },
  OPS_HOOK_NOT_STORED: {
    title: 'What was sent to a hook could not be stored',
    hint: 'Send it again: the database is away, or busy.',
  },
  OPS_HOOK_REFUSED: {
    title: 'A request to a hook does not prove who sends it',
    hint: 'Give sender and plugin the same secret; with a signed time, set the sender’s clock.',
  },
  OPS_HOOK_UNKNOWN: {
    title: 'There is no such hook',
    hint: 'Addresses are /hooks/PLUGIN/HOOK; /plugins says which plugins are live.',
  },
  OPS_HTTP_BAD_REQUEST: {
    title: 'The request is not one this server understands',
    hint: 'Check the method, the headers and the body; `detail` says which part, where it is known.',
  },
  OPS_HTTP_HOST: {
    title: 'The HTTP server cannot listen on that address',
    hint: 'Set HTTP_HOST to an address of this machine: 127.0.0.1, 0.0.0.0 for all, or one that `hostname -I` shows.',
  },
  OPS_HTTP_NOT_FOUND: {
    title: 'There is nothing at this address',
    hint: 'Check the path and the method.',
  },
  OPS_HTTP_NOT_READY: {
    title: 'The program is still starting',
    hint: 'Try again in a moment; /readyz says when it is ready.',
  },
  OPS_HTTP_TOO_LARGE: {
    title: 'The body of the request is too large',
    hint: 'Send at most 1 MiB.',
  },
  OPS_INTERNAL: {
    title: 'Something happened that should not be possible',
    hint: 'Please report it with the log lines around it.',
  },
  OPS_JOBS_HELD: {
    title: 'Jobs of a kind wait, as one after another failed',
    hint: 'Five different ones failed with none in between that succeeded. One is tried now and then; as soon as one succeeds, all go on. The log has the errors (`job.failed`, `job.held`): is a service away, or is there a bug? A saved plugin begins anew.',
  },
  OPS_JOB_DATA: {
    title: 'The data of a job do not fit',
    hint: 'They have to be JSON that the job’s `data` schema accepts. Data that an older version left in the queue: let the schema accept both, then run the job again.',
  },
  OPS_JOB_FORBIDDEN: {
    title: 'Who asked for a job may not have it done any more',
    hint: 'It was asked for by somebody who was active and held the permission then. Give it back, or drop the job.',
  },
  OPS_JOB_LOST: {
    title: 'The process that ran a job ended, or did not answer any more',
    hint: 'It was killed, or its event loop stood still. Look for what it did last before running the job again.',
  },
  OPS_JOB_TABLES: {
    title: 'The tables of the job queue are missing or old',
    hint: 'A plugin has jobs, and MIGRATIONS=manual: run npx opsgram migrate.',
  },
  OPS_JOB_UNKNOWN: {
    title: 'A job was asked for that its plugin lacks',
    hint: 'Use a name of the manifest’s `jobs`.',
  },
  OPS_LOG_DIR: {
    title: 'The folder for log files cannot be used',
    hint: 'Point LOG_DIR (or DATA_DIR, which it lies in by default) to a folder that this user may write.',
  },
  OPS_METRICS_TOKEN: {
    title: 'Metrics are for this machine, or for who has their token',
    hint: 'Ask from the machine that the bot runs on, without a proxy, or send METRICS_TOKEN as a bearer token.',
  },
  OPS_MIGRATION_DOWN_FAILED: {
    title: 'The down of a migration failed, so that what it did could not be undone',
    hint: 'The new schema stays, and the version before can’t serve on it. Correct the new version and save it, or put the database right by hand and reload.',
  },
  OPS_MIGRATION_EDITED: {
    title: 'A migration was changed after it had run',
    hint: 'Put the file back as it was and write the change as a new migration.',
  },
  OPS_MIGRATION_FAILED: {
    title: 'A migration failed',
    hint: 'Correct the statement. Nothing of it was kept: the schema is as it was before.',
  },
  OPS_MIGRATION_LOCKED: {
    title: 'A migration waited too long for a lock',
    hint: 'Another process is migrating or keeps a table busy. Try again; pg_stat_activity shows who it is.',
  },
  OPS_MIGRATION_NEEDS_MAINTENANCE: {
    title: 'A breaking migration can’t run while others serve',
    hint: 'Stop every instance of the bot, run `npx opsgram migrate`, and start them with the new version. One that was killed counts for some seconds more.',
  },
  OPS_MIGRATION_NEWER: {
    title:
      'The database was changed by a breaking migration that this older version of the code lacks',
    hint: 'Bring back the version that has the named migration, or a newer one. To go back for good, restore a backup, or undo it by hand and delete its row from the migrations table of its owner.',
  },
  OPS_MIGRATION_NOTHING: {
    title: 'There is no migration to do this with',
    hint: 'See `npx opsgram migrate status` for what there is.',
  },
  OPS_MIGRATION_NO_DOWN: {
    title: 'A migration has to be undone some day and has no down',
    hint: 'Write `override down(): void { … }` with the statements that undo its up. From the first breaking migration on, every pending one needs it.',
  },
  OPS_MIGRATION_PENDING: {
    title: 'Migrations are pending and MIGRATIONS is manual',
    hint: 'Run `npx opsgram migrate`, or set MIGRATIONS=auto.',
  },
  OPS_MIGRATION_SLOW: {
    title: 'A migration takes too long to run while handlers wait for its tables',
    hint: 'Nothing of it was kept. Stop the bot and run `npx opsgram migrate`, which has no limit; or mark it `static readonly breaking = true` with a down: then the plugin’s updates wait while it runs.',
  },
  OPS_MIGRATION_UNMARKED: {
    title: 'A migration is not additive and is not marked breaking',
    hint: 'Nothing of it was kept. Do it in steps that code written before can live with (docs/migrations.md), or mark it `static readonly breaking = true` and write a down; an operator may also stop the bot and run `npx opsgram migrate`.',
  },
  OPS_NEXT_TWICE: {
    title: 'A middleware called next() more than once',
    hint: 'Call `await next()` exactly once, or not at all to refuse.',
  },
  OPS_NODE_TOO_OLD: {
    title: 'The Node.js that would run the program is too old or missing',
    hint: 'Run npm ci without --omit=optional, which brings the right one on Linux (x64, arm64, glibc), or install Node 24 or newer.',
  },
  OPS_NOTIFY: {
    title: 'A message can’t be sent later as it was given',
    hint: 'The target is the numeric Telegram id of a person or chat, or { chatId, threadId }; the message is a text, html or message(…), and not empty.',
  },
  OPS_NOT_INSTALLED: {
    title: 'The packages of Opsgram are not installed',
    hint: 'Run npm ci in the folder of Opsgram.',
  },
  OPS_NO_CHAT: {
    title: 'There is no chat to answer in',
    hint: 'Answer only updates that come from a chat, or send to a chat by its id.',
  },
  OPS_OWNER_ONLY: {
    title: 'Only an owner may decide that',
    hint: 'Ask one of the people of ADMIN_IDS.',
  },
  OPS_PLUGINS_DIR: {
    title: 'The folder of plugin folders cannot be read',
    hint: 'Give the user who runs Opsgram the right to read the folders of PLUGINS_DIR, or name others.',
  },
  OPS_PLUGIN_BUILD: {
    title: 'A plugin could not be built from its source',
    hint: 'Correct the line that is named and save: the last good version stays live until then.',
  },
  OPS_PLUGIN_BUSY: {
    title: 'An exclusive plugin could not be replaced, because its handlers still run',
    hint: 'Save again when they have ended; the version before goes on serving.',
  },
  OPS_PLUGIN_CONFIG: {
    title: 'A plugin’s own settings are not accepted',
    hint: 'Correct the named variables in the environment or in .env; the plugin is loaded anew when .env changes.',
  },
  OPS_PLUGIN_CONFLICT: {
    title: 'Two plugins claim the same thing',
    hint: 'Rename it in one of them, or remove one: names, commands, tables and entities belong to one plugin.',
  },
  OPS_PLUGIN_CYCLE: {
    title: 'Plugins need each other in a circle',
    hint: 'Break the circle: move what both need into a third plugin, or mark one use `optional(…)`.',
  },
  OPS_PLUGIN_EMPTY: {
    title: 'A plugin folder has no index.ts',
    hint: 'Add an index.ts that default-exports definePlugin({…}); a folder that is no plugin gets a name beginning with "_".',
  },
  OPS_PLUGIN_ENGINE: {
    title: 'A plugin is written for another version of opsgram',
    hint: 'Take a version of the plugin that fits, or widen `engine` once it was tried.',
  },
  OPS_PLUGIN_EXIT: {
    title: 'A plugin tried to end the process',
    hint: 'Throw an error instead: it ends what the plugin was doing, and nothing else. In a package that does it, look for an option.',
  },
  OPS_PLUGIN_EXPORT_MISSING: {
    title: 'A plugin imports something that the module does not export',
    hint: 'Correct the name; what is only a type is imported with "import type".',
  },
  OPS_PLUGIN_FATAL: {
    title: 'A plugin ended one process after the other while it was loaded',
    hint: 'Look for an endless loop in its top-level code or its setup. Any change of its files has it tried again.',
  },
  OPS_PLUGIN_IMPORT_CORE: {
    title: 'A plugin imports a file of the core',
    hint: "Import it from 'opsgram': that is the whole of what a plugin may use.",
  },
  OPS_PLUGIN_IMPORT_FOREIGN: {
    title: 'A plugin imports the inside of another plugin',
    hint: 'Put what others need, types and service tokens, into the api.ts of that plugin; what both use goes to a folder whose name begins with "_".',
  },
  OPS_PLUGIN_IMPORT_MISSING: {
    title: 'A plugin imports a package that is not installed',
    hint: 'Install it with npm in the plugin’s folder or in a folder above it, or correct the name.',
  },
  OPS_PLUGIN_IMPORT_OUTSIDE: {
    title: 'A plugin imports a file outside the plugin folders',
    hint: 'Move the file into the plugin or into a folder beside it whose name begins with "_": nobody would notice a change elsewhere.',
  },
  OPS_PLUGIN_IMPORT_TELEGRAF: {
    title: 'A plugin uses a part of Telegraf that this framework replaces',
    hint: 'Use ctx.session and dialogs; the framework itself starts and stops the bot.',
  },
  OPS_PLUGIN_LOAD: {
    title: 'The code of a plugin threw while it was loaded',
    hint: 'Nothing outside functions may depend on the world: open connections and read files in setup.',
  },
  OPS_PLUGIN_LOAD_TIMEOUT: {
    title: 'The top-level code of a plugin did not finish in time',
    hint: 'Move what is awaited outside functions into setup.',
  },
  OPS_PLUGIN_LOCALE: {
    title: 'A locale file of a plugin cannot be read',
    hint: 'It must be JSON: one object whose values are texts or further such objects.',
  },
  OPS_PLUGIN_MANIFEST: {
    title: 'A manifest is not what definePlugin expects',
    hint: 'Correct the named part of index.ts; the types of definePlugin show what fits.',
  },
  OPS_PLUGIN_NAME: {
    title: 'A plugin’s name is not accepted',
    hint: 'The folder and the manifest carry the same name: 2–16 of a–z and 0–9, not a reserved word.',
  },
  OPS_PLUGIN_NEEDED: {
    title: 'Something else refers to what a plugin has left, so it can’t be dropped',
    hint: 'Look at what the message names (a view, a foreign key of another table), take it away, and purge again. Nothing was dropped.',
  },
  OPS_PLUGIN_NOTHING_LEFT: {
    title: 'There is nothing left of a plugin that could be dropped',
    hint: 'Compare the name with the names of tables (`<plugin>_…`) and with DATABASE_URL: it may be another database.',
  },
  OPS_PLUGIN_NO_BUILD: {
    title: 'There is no earlier build of a plugin to go back to',
    hint: 'Put the earlier source back into the folder; builds are kept from the second load on.',
  },
  OPS_PLUGIN_PACKAGE: {
    title: 'A package of PLUGINS_PACKAGES is not there, or is no plugin',
    hint: 'Install it where the bot is started, or take it out of PLUGINS_PACKAGES.',
  },
  OPS_PLUGIN_PRESENT: {
    title: 'The data of a plugin can’t be dropped while its folder is there',
    hint: 'Take its folder away first; the bot then unloads it and keeps its data. Then stop the bot and purge.',
  },
  OPS_PLUGIN_PROTECTED: {
    title: 'A plugin that guards the bot can’t be switched off while it runs',
    hint: 'Use PLUGINS_DISABLED and a new start, if that is really what you want: every update is refused then.',
  },
  OPS_PLUGIN_SERVICE: {
    title: 'A service is provided or used in a way that is not possible',
    hint: 'Use the tokens that opsgram exports; `provides` names a result of `setup`.',
  },
  OPS_PLUGIN_SETUP: {
    title: 'The setup of a plugin threw',
    hint: 'Correct setup at the named line; until then the version before goes on serving.',
  },
  OPS_PLUGIN_SETUP_TIMEOUT: {
    title: 'The setup of a plugin took too long',
    hint: 'Put a limit on what setup waits for, or do it in the background and report it in a log line.',
  },
  OPS_PLUGIN_TABLE: {
    title: 'A plugin’s table is not named after the plugin',
    hint: 'Name tables `<plugin>_…`, or list the name in `tables` of the manifest.',
  },
  OPS_PLUGIN_TOGETHER: {
    title: 'A plugin was changed together with one that failed, so both were left as they were',
    hint: 'Correct the other plugin; this one is loaded with it.',
  },
  OPS_PLUGIN_UNKNOWN: {
    title: 'There is no such plugin',
    hint: '/plugins lists the plugin folders that are there.',
  },
  OPS_PORT_FORBIDDEN: {
    title: 'The HTTP port may not be used by this user',
    hint: 'Ports below 1024 belong to root: choose a higher one, such as HTTP_PORT=3000, and put a proxy before it.',
  },
  OPS_PORT_IN_USE: {
    title: 'The HTTP port is used by another program',
    hint: 'Start on any free port with `HTTP_PORT=0 make start`, choose another HTTP_PORT, or stop the other program (`ss -ltnp` shows it).',
  },
  OPS_RELOADED: {
    title: 'A handler was ended because its plugin was replaced again and again',
    hint: 'Nothing to do: it runs again on the new version, unless it had already acted outside.',
  },
  OPS_ROUTE_AWAY: {
    title: 'The plugin of this route is not live now',
    hint: 'Send the request again in a while. /plugins says why, and for what it waits.',
  },
  OPS_ROUTE_BUSY: {
    title: 'No request is taken now',
    hint: 'Send it again after the time in Retry-After: the bot is paused or stopping, has much to do, or its database is away.',
  },
  OPS_ROUTE_CONFLICT: {
    title: 'Somebody else changed the same at the same moment',
    hint: 'Nothing was written. Read again what is to be changed, and send the request again.',
  },
  OPS_ROUTE_FORBIDDEN: {
    title: 'The person whose token it is may not use this route',
    hint: '/why PERSON shows rights; /grants give gives one.',
  },
  OPS_ROUTE_NO_GATE: {
    title: 'Nobody decides now who may use the HTTP API, so nobody may',
    hint: 'Load the auth plugin, or send the request again in a while: it is being replaced, waits for an approval, or its database is away.',
  },
  OPS_ROUTE_REQUEST: {
    title: 'The request is not what the route takes',
    hint: '`detail` names the part. /api/v1/openapi.json says what the route takes.',
  },
  OPS_ROUTE_RESPONSE: {
    title: 'What a route answered does not fit its own schema',
    hint: 'Correct the plugin: its schema.response, or what its route returns.',
  },
  OPS_ROUTE_UNKNOWN: {
    title: 'There is no such route',
    hint: '/api/v1/openapi.json lists all that the token’s bearer may use.',
  },
  OPS_SCHEMA_BEHIND: {
    title: 'The database lacks tables or columns that the code needs',
    hint: 'Add a migration for them to the plugin’s migrations folder.',
  },
  OPS_SCOPE_CARRY: {
    title: 'A plugin carried state over twice',
    hint: 'Call scope.carry once, with one object that holds all there is to carry.',
  },
  OPS_SCOPE_DISPOSED: {
    title: 'A plugin registered something after it was disposed',
    hint: 'Check scope.signal before registering in code that runs later.',
  },
  OPS_SCOPE_TIMER: {
    title: 'A plugin asked for a timer with a time that cannot be kept',
    hint: 'Give milliseconds: 1 (for a timeout 0) to 2,147,483,647, which are 24.8 days. For what comes more rarely look every hour whether it is due.',
  },
  OPS_SECRET_FILE: {
    title: 'A file of SECRETS_DIR cannot be read',
    hint: 'Let the user who runs Opsgram read the files in that folder, each a text file that is named like a variable.',
  },
  OPS_SERVICE_AWAY: {
    title: 'A service was used while no live plugin provides it',
    hint: 'Mark it `optional(…)` in `uses` and handle its absence, or use it in handlers (ctx.use), which only run while it is there.',
  },
  OPS_SESSION: {
    title: 'A session was given what does not fit it, or asked for where no person is in a chat',
    hint: 'Give `ctx.session.set` what the manifest’s `session.state` takes, in a handler of an update that a person sent.',
  },
  OPS_SHUTDOWN: {
    title: 'The bot is stopping',
    hint: 'Nothing to do: what was open is handled after the next start.',
  },
  OPS_STALLED: {
    title: 'Code without an end held the whole process, until it ended itself',
    hint: 'A loop, or a regular expression, at the place that is told does not end: mend it. The update is handled again, and put aside after three such ends. Work that only takes its time is to `await` something now and then, or gets a higher STALL_LIMIT_MS.',
  },
  OPS_STORE_AUTH: {
    title: 'Redis refused the user or the password, or does not let it do what is needed',
    hint: 'Check the user and the password in REDIS_URL. The user needs keys and channels that begin with {opsgram:, and scripts.',
  },
  OPS_STORE_FULL: {
    title: 'Redis takes no writes: its memory or its disk is full',
    hint: 'Raise maxmemory, or give it a disk with room. Limits are counted in each process until then; nothing is lost.',
  },
  OPS_STORE_LOADING: {
    title: 'Redis is busy: it loads its data or runs a script',
    hint: 'Nothing to do, it ends by itself. Limits are counted in each process until then.',
  },
  OPS_STORE_READONLY: {
    title: 'REDIS_URL leads to a Redis that takes no writes',
    hint: 'After a failover the address has to lead to the new primary; it is looked up again and again.',
  },
  OPS_STORE_UNREACHABLE: {
    title: 'Redis cannot be reached',
    hint: 'Check that it runs and that host and port in REDIS_URL are right. Limits are counted in each process until then; nothing is lost.',
  },
  OPS_TELEGRAM_ANSWER: {
    title: 'Something that is no Bot API server answered',
    hint: 'Check TELEGRAM_API_ROOT, and whether a proxy or a sign-in page stands between.',
  },
  OPS_TELEGRAM_FILE: {
    title: 'A file cannot be sent or fetched',
    hint: 'To send one pass { source } with a Buffer, a readable stream or the path of a regular file.',
  },
  OPS_TELEGRAM_FILE_LINK: {
    title: 'There is no link to a file',
    hint: 'Use telegram.downloadFile(fileId) or openFile(fileId): they give the content. Telegram’s own links hold the bot token and are not given out.',
  },
  OPS_TELEGRAM_FILE_SIZE: {
    title: 'A file is too large',
    hint: 'Telegram’s own server sends bots 20 MB and takes 50 MB, pictures 10 MB. With a Bot API server of your own (TELEGRAM_API_ROOT) it is 2,000 MB.',
  },
  OPS_TELEGRAM_METHOD: {
    title: 'A plugin called a method that the framework keeps to itself',
    hint: 'Leave it out: how updates come is the business of UPDATES; what a plugin listens to stands in its commands, actions and events.',
  },
  OPS_TELEGRAM_TARGET: {
    title: 'A chat can’t be written to',
    hint: 'Nothing to do: the person blocked the bot, or the chat threw it out or is gone. It is written to again as soon as something comes from there.',
  },
  OPS_TELEGRAM_TIMEOUT: {
    title: 'Telegram did not answer in time',
    hint: 'Look whether the message arrived before sending it again. If this goes on, check the network.',
  },
  OPS_TELEGRAM_UNREACHABLE: {
    title: 'Telegram cannot be reached',
    hint: 'Check the network, DNS and TELEGRAM_API_ROOT.',
  },
  OPS_TELEGRAM_URL_INPUT: {
    title: 'A { url } input was given as a file',
    hint: 'Pass the address itself as a string, then Telegram fetches it; or download it and pass { source: buffer }.',
  },
  OPS_TEST_BUSY: {
    title: 'Two test bots at once need two databases',
    hint: 'Stop the first one (await bot.stop(), or `await using`) before the next is made: the embedded database serves one at a time.',
  },
  OPS_TEST_DEADLINE: {
    title: 'A test waited for something that did not happen in time',
    hint: 'Look at the last calls in the details: the bot may have failed, or answered elsewhere.',
  },
  OPS_TEST_LEFTOVERS: {
    title: 'A reload leaves something of the old version behind',
    hint: 'Open timers and listeners through `scope` (scope.interval, scope.timeout, scope.listen), and close everything else in scope.onDispose.',
  },
  OPS_TEST_MISSING: {
    title: 'A test asked for something that is not there',
    hint: 'Compare what the test asks for with what the details list.',
  },
  OPS_TEST_UNEXPECTED: {
    title: 'A test saw what should not be there',
    hint: 'The message shows what was expected and what was seen.',
  },
  OPS_TOKEN_REFUSED: {
    title: 'Telegram refused the bot token',
    hint: 'Compare BOT_TOKEN with what @BotFather shows; a revoked token has to be replaced.',
  },
  OPS_TRANSACTION_ABORTED: {
    title: 'A transaction was rolled back because one of its statements had failed',
    hint: 'An error inside a transaction ends it: let it throw, or use a savepoint (a nested transactional) around what may fail.',
  },
  OPS_TRANSACTION_CALL: {
    title: 'A call was made inside an open transaction',
    hint: 'Its locks would be held until Telegram answers. Make the call before or after ctx.transactional, or leave it to ctx.notify.',
  },
  OPS_TRANSACTION_NESTED: {
    title: 'A query outside the transaction was made while the transaction was open',
    hint: 'Inside a transaction use only what it gave you (its em or its query); do other reads before or after it.',
  },
  OPS_WATCH: {
    title: 'Watching the plugin folders failed',
    hint: 'Reload by /plugins until the cause is mended; the running version is not affected.',
  },
  OPS_WATCH_LIMIT: {
    title: 'The system allows no more file watches',
    hint: 'Raise the limits: sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512 (in /etc/sysctl.d to keep them).',
  },
  OPS_WEBHOOK_CERT: {
    title: 'The certificate of the webhook cannot be used',
    hint: 'Point WEBHOOK_CERT to the public certificate in PEM (-----BEGIN CERTIFICATE-----). With a certificate that everybody trusts leave it out.',
  },
  OPS_WEBHOOK_FULL: {
    title: 'So many updates wait to be handled that no more is taken',
    hint: 'Telegram sends it again. If this goes on, look in the log for handlers that take long, or for a slow database.',
  },
  OPS_WEBHOOK_NOT_STORED: {
    title: 'An update could not be stored',
    hint: 'Telegram sends it again, nothing is lost. Look whether the database is there, and has room.',
  },
  OPS_WEBHOOK_REFUSED: {
    title: 'Telegram refused the webhook',
    hint: 'Correct what its words name: WEBHOOK_URL must be https:// on port 443, 80, 88 or 8443, with a name that resolves; WEBHOOK_CERT must fit it.',
  },
  OPS_WEBHOOK_SECRET: {
    title: 'The request lacks the secret of the webhook',
    hint: 'Telegram sends it in X-Telegram-Bot-Api-Secret-Token. Check that the proxy passes that header on, and that WEBHOOK_SECRET is the same on all instances.',
  },
  OPS_WEBHOOK_UPDATE: {
    title: 'The body is no update',
    hint: 'It must be a JSON object in UTF-8 with an integer update_id.',
  },
} as const satisfies Record<`OPS_${string}`, ErrorEntry>

export type ErrorCode = keyof typeof errorCodes

export interface OpsErrorOptions {
  /** What to do; replaces the code's general hint. */
  hint?: string
  cause?: unknown
  /** Facts for the log and for cards: plugin, file, line, both sides of a conflict. Never a secret. */
  details?: Readonly<Record<string, unknown>>
}

/** The one error class of the project: a stable code, what happened, and what to do. */
export class OpsError extends Error {
  readonly code: ErrorCode
  readonly hint: string
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: OpsErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'OpsError'
    this.code = code
    this.hint = options.hint ?? errorCodes[code].hint
    this.details = options.details ?? {}
  }
}

/** The code of any error: ours, or what Node and PostgreSQL put on theirs. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** What anything thrown says of itself. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

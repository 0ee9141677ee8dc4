#!/bin/sh
# Writes the secrets that containers read, as far as they aren't there: docker/secrets.sh [database] [bot] [url].
# `url`: the bot's DATABASE_URL is that of the postgres container. What is there is never changed.
set -eu
cd "$(dirname "$0")/.."
# the folder is closed to other people; in it files are open, as containers read them under other users' ids
umask 077
mkdir -p secrets
umask 022
mkdir -p secrets/database secrets/bot

random() {
  od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

write() {
  [ -s "secrets/$1" ] && return
  printf '%s\n' "$2" >"secrets/$1"
  echo "secrets/$1 written"
}

for part in "$@"; do
  case $part in
    database)
      write database/POSTGRES_PASSWORD "$(random)"
      write database/PGADMIN_PASSWORD "$(random)"
      write database/GRAFANA_PASSWORD "$(random)"
      ;;
    url)
      write bot/DATABASE_URL "postgres://opsgram:$(cat secrets/database/POSTGRES_PASSWORD)@postgres:5432/opsgram"
      ;;
    bot)
      write bot/WEBHOOK_SECRET "$(random)"
      write bot/METRICS_TOKEN "$(random)"
      if [ ! -s secrets/bot/BOT_TOKEN ] && ! grep -Eq '^(export )?BOT_TOKEN=.' .env 2>/dev/null; then
        : >secrets/bot/BOT_TOKEN
        echo 'The bot has no token: put the one that @BotFather gives you into secrets/bot/BOT_TOKEN (and ADMIN_IDS into .env), then try again.' >&2
        exit 1
      fi
      ;;
    *)
      echo "unknown part: $part" >&2
      exit 2
      ;;
  esac
done

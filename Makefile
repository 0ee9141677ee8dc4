.DEFAULT_GOAL := help
.PHONY: help install start dev test test-coverage check bench generate migrate \
  full-up full-down db-up db-down bot-up bot-down db-shell db-admin db-backup db-restore status logs logs-bot \
  clean full-clean need-npm need-docker

full := docker compose --file docker-compose.yml
database := docker compose --file docker-compose.database.yml
bot := docker compose --file docker-compose.bot.yml
# the containers of db-up, as a bot outside of containers reaches them
local_database = postgres://opsgram:$$(cat secrets/database/POSTGRES_PASSWORD)@127.0.0.1:$${POSTGRES_PORT:-5432}/opsgram
local_redis = redis://127.0.0.1:$${REDIS_PORT:-6379}

# which database it is: of a bot in a container that runs or was stopped, of db-up if nothing else names one, or that of .env
has = [ -n "$$($(full) --profile '*' ps --quiet $(1) 2>/dev/null)" ]
where = if $(call has,--status running bot); then where=container; \
	elif $(call has,--all bot); then where=stopped; \
	elif [ -z "$${DATABASE_URL:-}" ] && ! grep -qs '^DATABASE_URL=.' .env && $(call has,--status running postgres); then where=db-up; \
	else where=here; fi

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: node_modules/.package-lock.json ## Install the packages if the lock file is newer than they are

start: install ## Start the bot; without BOT_TOKEN the playground
	@npm start

dev: install db-up ## Work on it: database and Redis in Docker, the bot here; edits of the core restart it
	@DATABASE_URL="$(local_database)" REDIS_URL="$(local_redis)" bin/opsgram dev

test: install ## Run all tests on embedded parts (on PostgreSQL: TEST_DATABASE_URL=…)
	@npm test

test-coverage: install ## Run all tests and show which code they reach
	@npm run test:coverage

check: install ## Lint, format, types, direction of imports, dead exports
	@npm run check

bench: install ## Run all benchmarks, small
	@npm run bench

generate: install ## Write .env.example and the generated pages of docs/ again
	@npm run generate

migrate: install ## Apply pending migrations
	@bin/opsgram migrate

full-up: need-docker ## Start all of it in Docker: bots, PostgreSQL, Redis
	@docker/secrets.sh database url bot
	$(full) up --detach --build --wait

full-down: need-docker ## Stop all of it; data stay
	$(full) --profile '*' down

db-up: need-docker ## Start PostgreSQL and Redis in Docker, for a bot outside
	@docker/secrets.sh database
	$(database) up --detach --wait

db-down: need-docker ## Stop them; data stay
	$(database) --profile '*' down

bot-up: need-docker ## Start the bot in Docker, with a database that is elsewhere
	@docker/secrets.sh bot
	$(bot) up --detach --build --wait

bot-down: need-docker ## Stop it
	$(bot) --profile '*' down

db-shell: need-docker ## Open psql on the database of full-up or db-up
	$(database) exec postgres psql --username=opsgram opsgram

db-admin: need-docker ## Start pgAdmin, and tell its address and password
	@docker/secrets.sh database
	$(database) --profile admin up --detach --wait
	@echo "http://127.0.0.1:$${PGADMIN_PORT:-5050}  admin@example.org  $$(cat secrets/database/PGADMIN_PASSWORD)"

db-backup: ## Back up the database: in the bot's container if one runs, else of db-up, .env or ./var
	@$(where); case $$where in \
	  container) $(full) exec --no-TTY bot bin/opsgram backup && \
	    echo 'It is on the volume of the bot. To copy it here: $(full) cp bot:/data/backups .' ;; \
	  db-up) $(MAKE) --no-print-directory install && DATABASE_URL="$(local_database)" bin/opsgram backup ;; \
	  *) $(MAKE) --no-print-directory install && bin/opsgram backup ;; \
	esac

db-restore: ## Restore a backup: make db-restore FILE=var/backups/… (in containers /data/backups/…); asks first
	@$(where); case $$where in \
	  container | stopped) $(full) run --rm --no-deps bot bin/opsgram restore $(FILE) ;; \
	  db-up) $(MAKE) --no-print-directory install && DATABASE_URL="$(local_database)" bin/opsgram restore $(FILE) ;; \
	  *) $(MAKE) --no-print-directory install && bin/opsgram restore $(FILE) ;; \
	esac

status: need-docker ## Tell which containers run, and how they are
	@$(full) --profile '*' ps

logs: need-docker ## Follow the logs of all containers
	$(full) --profile '*' logs --follow --tail=100

logs-bot: need-docker ## Follow the bots' logs
	$(full) logs --follow --tail=100 bot

clean: ## Remove packages, coverage and temporary files; never data
	rm -rf node_modules coverage .tmp-*

full-clean: ## Remove containers, volumes, secrets, ./var and all that clean removes: ALL DATA; asks first
	@printf 'This removes all data: containers with their volumes, secrets/ and var/. Write "yes" to go on: '; \
	  read -r answer; [ "$$answer" = yes ] || { echo 'Nothing was removed.'; exit 1; }
	@if command -v docker >/dev/null && docker info >/dev/null 2>&1; then \
	  $(full) --profile '*' down --volumes --remove-orphans; fi
	rm -rf secrets var
	@$(MAKE) --no-print-directory clean

# npm writes this file last, so it is as old as the installation
node_modules/.package-lock.json: package-lock.json | need-npm
	npm ci --loglevel=error

need-npm:
	@command -v npm >/dev/null || { \
	  echo 'npm is missing. It comes with Node.js 20 or newer: apt-get install nodejs npm (Debian 13), or https://nodejs.org/en/download' >&2; \
	  exit 1; }

need-docker:
	@docker compose version >/dev/null 2>&1 || { \
	  echo 'Docker with its compose plugin is missing: https://docs.docker.com/engine/install/' >&2; \
	  exit 1; }
	@docker info >/dev/null 2>&1 || { \
	  echo 'Docker does not run, or you may not use it: systemctl start docker; adduser $$USER docker' >&2; \
	  exit 1; }

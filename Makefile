.DEFAULT_GOAL := help
.PHONY: help install start test test-coverage check bench generate migrate clean need-npm

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: node_modules/.package-lock.json ## Install the packages if the lock file is newer than they are

start: install ## Start the bot; without BOT_TOKEN the playground
	@npm start

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

clean: ## Remove packages, coverage and temporary files; never data
	rm -rf node_modules coverage .tmp-*

# npm writes this file last, so it is as old as the installation
node_modules/.package-lock.json: package-lock.json | need-npm
	npm ci --loglevel=error

need-npm:
	@command -v npm >/dev/null || { \
	  echo 'npm is missing. It comes with Node.js 20 or newer: apt-get install nodejs npm (Debian 13), or https://nodejs.org/en/download' >&2; \
	  exit 1; }

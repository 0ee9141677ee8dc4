# syntax=docker/dockerfile:1
# The program as JavaScript with production dependencies alone; see docs/deployment.md.
FROM node:24.11.1-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
# bin/node finds the image's own Node once the one that npm brought is gone
RUN npm run prepack \
 && npm prune --omit=dev --no-audit --no-fund \
 && rm -rf node_modules/node-linux-* \
 && mkdir -p /data && chown node:node /data

FROM node:24.11.1-bookworm-slim
ENV NODE_ENV=production \
    DATA_DIR=/data \
    HTTP_HOST=0.0.0.0 \
    LOG_FORMAT=json \
    PLUGINS_DIR=/app/dist/plugins,/plugins \
    PLUGINS_WATCH=false \
    SECRETS_DIR=/run/secrets
WORKDIR /app
# pg_dump and pg_restore, for opsgram backup and BACKUP_CRON
RUN apt-get update \
 && apt-get install -y --no-install-recommends postgresql-client-15 \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /app/package.json ./
COPY --from=build /app/bin bin/
COPY --from=build /app/node_modules node_modules/
COPY --from=build /app/dist dist/
COPY --from=build /app/docker/healthcheck.js docker/
COPY --from=build --chown=node:node /data /data
RUN mkdir /plugins
USER node
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["node", "docker/healthcheck.js"]
CMD ["node", "--enable-source-maps", "dist/core/main.js"]

# syntax=docker/dockerfile:1
# check=error=true

# NODE_VERSION of the images that everything is from
ARG NODE_VERSION=24.1.0

# base has what all stages share
FROM node:${NODE_VERSION}-alpine AS base
WORKDIR /app
ENV NODE_ENV=production \
    PATH=/app/node_modules/.bin:$PATH

FROM base AS dependencies
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm,sharing=locked \
    --mount=type=secret,id=npmrc,target=/root/.npmrc \
    npm ci --include=dev

FROM dependencies AS build
COPY --exclude=**/*.test.ts --exclude=node_modules . .
RUN npm run build && npm prune --omit=dev

FROM base
LABEL org.opencontainers.image.title="shop" \
      org.opencontainers.image.source="https://example.com/shop"
RUN addgroup -S app && adduser -S app -G app
COPY --from=build --chown=app:app /app/node_modules ./node_modules
COPY --from=build --chown=app:app --chmod=u=rwX,go=rX /app/dist ./dist
USER app
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s \
  CMD wget -qO- http://localhost:3000/health || exit 1
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "--enable-source-maps"]
CMD ["dist/server.js"]

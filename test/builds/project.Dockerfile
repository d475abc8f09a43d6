ARG BASE=node-base

FROM ${BASE} AS dependencies
WORKDIR /src
COPY package.json package-lock.json ./
COPY node_modules ./node_modules

FROM dependencies AS build
ARG VARIANT=plain
COPY .ci/build.mjs .ci/start-up.mjs .ci/
COPY src src
# One command on several lines, with a comment inside.
RUN node .ci/build.mjs && \
    # the variant is part of the result
    echo "$VARIANT" > dist/variant && \
    chmod -R go-w dist

FROM dependencies AS pruned
RUN rm -rf node_modules/rolldown node_modules/@rolldown node_modules/vitest node_modules/@vitest \
 && find node_modules -name '*.md' -exec rm {} + \
 && find node_modules -name '*.map' -exec rm {} +

FROM ${BASE}
LABEL org.opencontainers.image.title="Berth" \
      org.opencontainers.image.licenses=Apache-2.0
ENV NODE_ENV=production HOME=/app
WORKDIR /app
COPY --from=pruned /src/node_modules ./node_modules
COPY --from=build --chown=daemon:daemon /src/dist ./dist
COPY --from=build /src/src/cli/berth ./src/cli/
COPY package.json LICENSE ./
RUN ["node", "dist/berth.cjs", "--version"]
RUN mkdir -p /var/lib/registry && chown daemon:daemon /var/lib/registry
USER daemon
EXPOSE 5000
VOLUME ["/var/lib/registry"]
HEALTHCHECK --interval=30s CMD ["node", "-e", "fetch('http://127.0.0.1:5000/v2/')"]
ENTRYPOINT ["node", "/app/dist/berth.cjs"]
CMD ["serve"]

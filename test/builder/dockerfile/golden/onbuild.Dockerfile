FROM node:24 AS base
ONBUILD ARG NODE_ENV
ONBUILD ENV NODE_ENV=$NODE_ENV
onbuild copy --from=assets --chown=1000 package.json \
  # of the child
  ./
ONBUILD RUN --mount=type=cache,target=/root/.npm npm ci
ONBUILD HEALTHCHECK --retries=3 CMD ["curl", "localhost"]
ONBUILD COPY <<a.txt /a.txt
text $X
a.txt
CMD [ "npm", "start" ]

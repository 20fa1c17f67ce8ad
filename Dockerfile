# One image for the three services; the command chooses which: node services/<name>/src/main.ts
FROM node:26.10.0-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production
COPY package.json package-lock.json .npmrc ./
COPY packages packages
COPY services services
COPY schemas schemas
# No development dependency is installed, so neither the embedded database nor the test tools are in the image.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && npm cache clean --force
RUN mkdir -p /var/lib/meterstone && chown node /var/lib/meterstone
USER node
CMD ["node", "services/proxy/src/main.ts"]

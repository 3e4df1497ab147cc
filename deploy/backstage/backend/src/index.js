// A Backstage backend in plain CommonJS, which node runs as it is.
const { createBackend } = require('@backstage/backend-defaults');
const { serveFakeUpstreams } = require('./fake-upstreams');

const features = [
  '@backstage/plugin-auth-backend',
  '@backstage/plugin-auth-backend-module-guest-provider',
  './test-users-provider',
  '@backstage/plugin-permission-backend',
  './permission-policy',
  '@backstage/plugin-catalog-backend',
  '@backstage/plugin-catalog-backend-module-logs',
  '@backstage/plugin-techdocs-backend',
  '@backstage/plugin-search-backend',
  '@backstage/plugin-search-backend-module-catalog',
  '@backstage/plugin-search-backend-module-techdocs',
  '@backstage/plugin-events-backend',
  '@backstage/plugin-proxy-backend',
  '@backstage/plugin-mcp-actions-backend',
];

serveFakeUpstreams(Number(process.env.UPSTREAM_PORT));
const backend = createBackend();
for (const feature of features) {
  backend.add(require(feature).default);
}
backend.start().catch(error => {
  console.error(error);
  process.exit(1);
});

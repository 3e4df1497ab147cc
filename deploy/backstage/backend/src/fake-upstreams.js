// What stands behind the proxy plugin in place of Argo CD and PagerDuty: a few
// canned answers; on any other path, the request as it arrived.
const http = require('node:http');

const canned = {
  '/argocd/api/v1/applications/checkout-service-prod': {
    metadata: { name: 'checkout-service-prod', namespace: 'argocd' },
    status: {
      health: { status: 'Healthy' },
      sync: { status: 'Synced', revision: '4f1c2ab' },
    },
  },
  '/pagerduty/oncalls': {
    oncalls: [
      {
        escalation_level: 1,
        escalation_policy: { id: 'PPAY01' },
        user: { summary: 'Example user alice' },
      },
    ],
  },
};

const echo = ({ method, url, headers }) => ({ echo: { method, url, headers } });

exports.serveFakeUpstreams = port =>
  http
    .createServer((request, response) => {
      const { pathname } = new URL(request.url, 'http://upstream');
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(canned[pathname] ?? echo(request)));
    })
    .listen(port, '127.0.0.1');

// Starts the backend as a process of its own, writes its pid to RUN_DIR, and waits
// until it is ready: its plugins are up, the catalog holds every entity of the
// content folder, and Search has indexed all of the catalog and every page.
// A start that fails leaves no process behind.
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const { readContent } = require('./content');

const { env } = process;
const base = `http://127.0.0.1:${env.BACKSTAGE_PORT}`;
const app = path.join(env.RUN_DIR, 'app');
const pidFile = path.join(env.RUN_DIR, 'backend.pid');
const logFile = path.join(env.RUN_DIR, 'backend.log');

const ask = (route, init = {}) =>
  fetch(base + route, {
    ...init,
    headers: {
      authorization: `Bearer ${env.BACKSTAGE_SERVICE_TOKEN}`,
      'content-type': 'application/json',
    },
    signal: AbortSignal.timeout(5000),
  });

async function askJson(route, init) {
  const response = await ask(route, init);
  if (!response.ok) throw new Error(`${route}: ${response.status}`);
  return response.json();
}

// A service on one of our ports could be taken for the backend that we start.
const assertFree = port =>
  new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.once('error', error => reject(new Error(`port ${port}: ${error.code}`)));
    probe.listen(Number(port), '127.0.0.1', () => probe.close(resolve));
  });

function expected() {
  const { refs, sites } = readContent(env.PORTAL_CATALOG_DIR);
  const indexOf = ({ place }) =>
    path.join(env.TECHDOCS_PUBLISH_DIR, place, 'search', 'search_index.json');
  const pagesOf = site => JSON.parse(fs.readFileSync(indexOf(site), 'utf8')).docs.length;
  return { refs, pages: sites.reduce((sum, site) => sum + pagesOf(site), 0) };
}

async function hasAll(refs) {
  const { items } = await askJson('/api/catalog/entities/by-refs', {
    method: 'POST',
    body: JSON.stringify({ entityRefs: refs, fields: ['kind'] }),
  });
  return items.every(Boolean);
}

const indexed = async type =>
  (await askJson(`/api/search/query?term=&pageLimit=1&types%5B0%5D=${type}`)).numberOfResults;

const entityCount = async () =>
  (await askJson('/api/catalog/entities/by-query?limit=0')).totalItems;

async function isReady({ refs, pages }) {
  return (
    (await ask('/.backstage/health/v1/readiness')).ok &&
    (await hasAll(refs)) &&
    (await indexed('software-catalog')) >= (await entityCount()) &&
    (!pages || (await indexed('techdocs')) >= pages) // no page, no index
  );
}

async function waitUntilReady(backend, wanted) {
  const deadline = Date.now() + Number(env.START_TIMEOUT) * 1000;
  while (!(await isReady(wanted).catch(() => false))) {
    if (backend.exitCode !== null || backend.signalCode) throw new Error('the backend ended');
    if (Date.now() > deadline) throw new Error(`not ready after ${env.START_TIMEOUT} s`);
    await sleep(500);
  }
}

function launch() {
  const log = fs.openSync(logFile, 'w');
  const args = [path.join(app, 'src', 'index.js'), '--config', path.join(app, 'app-config.yaml')];
  const stdio = ['ignore', log, log];
  const backend = spawn(process.execPath, args, { cwd: app, detached: true, stdio });
  fs.writeFileSync(pidFile, `${backend.pid}\n`);
  return backend;
}

async function giveUp(backend, reason) {
  if (backend.kill('SIGKILL')) await once(backend, 'exit');
  fs.rmSync(pidFile, { force: true });
  const lastLines = fs.readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-20);
  console.error([...lastLines, `Not started: ${reason}; all of the log is in ${logFile}`].join('\n'));
  process.exit(1);
}

async function main() {
  const wanted = expected();
  await assertFree(env.BACKSTAGE_PORT);
  await assertFree(env.UPSTREAM_PORT);
  const backend = launch();
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => giveUp(backend, signal));
  await waitUntilReady(backend, wanted).catch(error => giveUp(backend, error.message));
  const { refs, pages } = wanted;
  console.log(`ready at ${base}, pid ${backend.pid}: ${refs.length} entities, ${pages} pages`);
  process.exit(0); // the backend goes on
}

main().catch(error => {
  console.error(`Not started: ${error.message}`);
  process.exit(1);
});

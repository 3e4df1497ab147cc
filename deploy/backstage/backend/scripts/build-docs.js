// Builds the content folder's TechDocs sites with Backstage's own generator, as
// `techdocs-cli generate --no-docker` does (`mkdocs` must be on PATH), laid out as
// the local publisher wants them, and prints the folder. It is cached under a hash
// of all that goes into it: the sites, and the versions of the TOOLS.
// Usage: build-docs.js TOOLS
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { PassThrough } = require('node:stream');
const { ConfigReader } = require('@backstage/config');
const { TechdocsGenerator } = require('@backstage/plugin-techdocs-node');
const { readContent } = require('./content');

const { PORTAL_CATALOG_DIR, PORTAL_CACHE } = process.env;

const toStderr = message => console.error(String(message));
const logger = { debug() {}, info() {}, warn: toStderr, error: toStderr, child: () => logger };
const generator = TechdocsGenerator.fromConfig(
  new ConfigReader({ techdocs: { generator: { runIn: 'local' } } }),
  { logger },
);

const filesIn = folder =>
  fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => path.join(entry.parentPath ?? entry.path, entry.name))
    .sort();

const [, , tools] = process.argv;

function keyOf(sites) {
  const hash = createHash('sha256');
  const add = text => hash.update(`${Buffer.byteLength(text)}:`).update(text);
  add(tools);
  for (const { place, source } of sites) {
    add(place);
    for (const file of filesIn(source)) {
      add(path.relative(source, file));
      add(fs.readFileSync(file));
    }
  }
  return hash.digest('hex').slice(0, 16);
}

// The generator edits mkdocs.yml, so it gets a copy.
async function build({ place, source }, out) {
  const outputDir = path.join(out, place);
  const inputDir = fs.mkdtempSync(path.join(os.tmpdir(), 'techdocs-'));
  const logStream = new PassThrough();
  try {
    fs.mkdirSync(outputDir, { recursive: true });
    fs.cpSync(source, inputDir, { recursive: true });
    await generator.run({ inputDir, outputDir, logger, logStream, etag: keyOf([{ place, source }]) });
  } catch (error) {
    console.error(String(logStream.read() ?? ''));
    throw new Error(`docs of ${place}: ${error.message}`);
  } finally {
    fs.rmSync(inputDir, { recursive: true });
  }
}

// As many at once as there are processors. After a failure no further site is
// begun, and those under way are waited for.
async function buildAll(sites, out) {
  const waiting = [...sites];
  const worker = async () => {
    while (waiting.length) await build(waiting.shift(), out);
  };
  const stop = error => {
    waiting.length = 0;
    return error;
  };
  const workers = Array.from({ length: os.availableParallelism() }, () => worker().catch(stop));
  const error = (await Promise.all(workers)).find(Boolean);
  if (error) throw error;
}

// Built under another name first, so that a folder of this name is complete.
async function buildOnce(sites, target) {
  if (fs.existsSync(target)) return;
  const temp = fs.mkdtempSync(`${target}.`);
  try {
    await buildAll(sites, temp);
    fs.renameSync(temp, target);
  } catch (error) {
    fs.rmSync(temp, { recursive: true });
    if (!fs.existsSync(target)) throw error; // else another start was faster
  }
}

async function main() {
  const { sites } = readContent(PORTAL_CATALOG_DIR);
  const target = path.join(PORTAL_CACHE, `techdocs-${keyOf(sites)}`);
  await buildOnce(sites, target);
  console.log(target);
}

main().catch(error => {
  console.error(error.message);
  process.exit(1);
});

// What a content folder (PORTAL_CATALOG_DIR) holds, read from its catalog files:
// catalog/all.yaml and the files that its Locations name.
const fs = require('node:fs');
const path = require('node:path');
const yaml = require('yaml');
const { stringifyEntityRef } = require('@backstage/catalog-model');

const locationTargets = ({ kind, spec = {} }) =>
  kind === 'Location' ? [...(spec.targets ?? []), ...(spec.target ? [spec.target] : [])] : [];

function* readEntities(file) {
  for (const document of yaml.parseAllDocuments(fs.readFileSync(file, 'utf8'))) {
    const entity = document.toJS();
    if (!entity) continue; // nothing between two `---`
    yield { entity, file };
    for (const target of locationTargets(entity)) {
      yield* readEntities(path.resolve(path.dirname(file), target));
    }
  }
}

// The folder of the docs that an entity owns; undefined where it has none, or
// shows those of another.
function docsFolder({ entity, file }) {
  const annotations = entity.metadata.annotations ?? {};
  const ref = annotations['backstage.io/techdocs-ref'];
  if (!ref?.startsWith('dir:') || annotations['backstage.io/techdocs-entity']) return undefined;
  return path.resolve(path.dirname(file), ref.slice('dir:'.length));
}

// { refs: every entity's reference,
//   sites: [{ place: '<namespace>/<kind>/<name>', source: folder with mkdocs.yml }] }
exports.readContent = contentDir => {
  const found = [...readEntities(path.join(contentDir, 'catalog', 'all.yaml'))];
  const sites = found
    .map(({ entity, file }) => ({ entity, source: docsFolder({ entity, file }) }))
    .filter(({ source }) => source)
    .map(({ entity: { kind, metadata }, source }) => ({
      place: `${metadata.namespace ?? 'default'}/${kind}/${metadata.name}`.toLowerCase(),
      source,
    }));
  return { refs: found.map(({ entity }) => stringifyEntityRef(entity)), sites };
};

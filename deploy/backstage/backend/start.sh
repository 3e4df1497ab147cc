#!/usr/bin/env bash
# Starts the backend in the background; returns when it is ready to be asked.
set -euo pipefail
. "$(dirname "$0")/env.sh"

if pid=$(running_pid); then
  echo "already running at http://127.0.0.1:$BACKSTAGE_PORT, pid $pid"
  exit 0
fi
if [ ! -d "$packages" ] || [ ! -d "$mkdocs" ]; then
  echo "Not installed yet: run setup.sh first." >&2
  exit 1
fi
PORTAL_CATALOG_DIR=$(cd "$PORTAL_CATALOG_DIR" && pwd)

# Node looks for packages from where a file lies. So the code runs as a copy
# beside a link to the cached packages, and the checkout stays as it is.
app=$RUN_DIR/app
rm -rf "$app"
mkdir "$app"
cp -R "$here"/{src,scripts,app-config.yaml,package.json} "$app"
ln -s "$packages/node_modules" "$app/node_modules"
cd "$app"

if [ -z "${TECHDOCS_PUBLISH_DIR:-}" ]; then
  tools="$(basename "$packages") $(basename "$mkdocs")"
  TECHDOCS_PUBLISH_DIR=$(PATH=$mkdocs/bin:$PATH node scripts/build-docs.js "$tools")
fi
export TECHDOCS_PUBLISH_DIR
exec node scripts/start.js

#!/usr/bin/env bash
# Installs what the backend needs into the cache, once for each lock file: the
# npm packages (with better-sqlite3 compiled here; no other install script runs,
# as they fetch binaries) and mkdocs. Run it again at will.
set -euo pipefail
. "$(dirname "$0")/env.sh"

node -e 'process.exit(parseInt(process.versions.node, 10) >= 20 ? 0 : 1)' 2>/dev/null &&
  command -v npm >/dev/null || {
  echo "The Backstage backend needs Node.js 20 or newer with npm; it is not on PATH." >&2
  exit 3
}

temp=
trap '[ -z "$temp" ] || rm -rf "$temp"' EXIT
trap 'exit 130' INT TERM

# begin TARGET: a new folder beside it, for the files to be made in.
begin() {
  temp=$(mktemp -d "$1.XXXXXX")
  chmod 755 "$temp"
}

# finish TARGET: gives the folder its name. Where another setup was faster, the
# rename fails and the folder of the other one stands.
finish() {
  node -e 'fs.renameSync(...process.argv.slice(1))' "$temp" "$1" 2>/dev/null || [ -d "$1" ]
  rm -rf "$temp"
}

sqlite_loads() {
  node -e 'new (require(process.argv[1]))(":memory:")' "$packages/node_modules/better-sqlite3" \
    2>/dev/null
}

install_packages() {
  echo "Installing Backstage, once; this takes 2 to 6 minutes ..."
  begin "$packages"
  cp "$here/package.json" "$here/package-lock.json" "$temp"
  cd "$temp"
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
  compile_sqlite
  cd "$here"
  finish "$packages"
}

# With npm's own node-gyp; the C headers are those that came with Node, if any
# did (node-gyp fetches them otherwise).
compile_sqlite() {
  local root=${NODEDIR:-$(node -p 'path.dirname(path.dirname(process.execPath))')} headers=
  [ ! -f "$root/include/node/node.h" ] || headers=--nodedir=$root
  npm explore better-sqlite3 --loglevel=error -- \
    "node-gyp rebuild --release --loglevel=warn $headers" >compile.log 2>&1 ||
    { tail -n 40 compile.log >&2; return 1; }
}

# A virtual environment may be moved except for its scripts, which name its
# Python by path; so the one script that is needed is written anew.
install_mkdocs() {
  echo "Installing mkdocs, once ..."
  begin "$mkdocs"
  python3 -m venv "$temp"
  "$temp/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
  printf '#!/bin/sh\nexec "$(dirname "$0")/python" -m mkdocs "$@"\n' >"$temp/bin/mkdocs"
  finish "$mkdocs"
}

if command -v flock >/dev/null; then # spares a second setup the same work
  exec 9>"$PORTAL_CACHE/setup.lock"
  flock 9
fi
if [ -d "$packages" ] && ! sqlite_loads; then
  echo "The cached packages were compiled for another Node.js; installing again."
  rm -rf "$packages"
fi
[ -d "$packages" ] || install_packages
[ -d "$mkdocs" ] || install_mkdocs

# Settings of the other scripts, which source this file. Each can be overridden
# from outside; none of the tokens is a real secret.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

export BACKSTAGE_PORT=${BACKSTAGE_PORT:-7007}
export UPSTREAM_PORT=${UPSTREAM_PORT:-7008}
export PORTAL_RAG_PORT=${PORTAL_RAG_PORT:-8007}
export BACKSTAGE_SERVICE_TOKEN=${BACKSTAGE_SERVICE_TOKEN:-example-indexer-token}
export BACKSTAGE_TEST_USERS_SECRET=${BACKSTAGE_TEST_USERS_SECRET:-example-test-users-secret}
export BACKSTAGE_SESSION_SECRET=${BACKSTAGE_SESSION_SECRET:-example-session-secret}
export PORTAL_CATALOG_DIR=${PORTAL_CATALOG_DIR:-$here/../../example-portal}
export PORTAL_CACHE=${PORTAL_CACHE:-$HOME/.cache/portal-rag}
export RUN_DIR=${RUN_DIR:-$here/run/$BACKSTAGE_PORT}
export START_TIMEOUT=${START_TIMEOUT:-180}
export NODE_ENV=${NODE_ENV:-production}

# Absolute, as the scripts change folders; and stop.sh knows the process by RUN_DIR.
folder() { mkdir -p "$1" && (cd "$1" && pwd); }
PORTAL_CACHE=$(folder "$PORTAL_CACHE")
RUN_DIR=$(folder "$RUN_DIR")

key_of() { { sha256sum "$1" 2>/dev/null || shasum -a 256 "$1"; } | cut -c1-16; }
packages=$PORTAL_CACHE/backstage-$(key_of "$here/package-lock.json")
mkdocs=$PORTAL_CACHE/mkdocs-$(key_of "$here/requirements.txt")

# Prints the pid of this RUN_DIR's backend. A pid can be reused: only a process
# that was started from RUN_DIR counts.
running_pid() {
  local pid
  pid=$(cat "$RUN_DIR/backend.pid" 2>/dev/null) || return 1
  { tr '\0' ' ' <"/proc/$pid/cmdline" || ps -ww -p "$pid" -o command=; } 2>/dev/null |
    grep -qF "$RUN_DIR/app/src/index.js" && echo "$pid"
}

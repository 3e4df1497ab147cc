#!/usr/bin/env bash
# Prints a Backstage user token. Usage: token.sh guest | token.sh alice
set -euo pipefail
. "$(dirname "$0")/env.sh"
exec node "$here/scripts/token.js" "$@"

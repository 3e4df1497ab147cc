#!/usr/bin/env bash
# Ends the one process that start.sh started with the same RUN_DIR, by its pid.
set -euo pipefail
. "$(dirname "$0")/env.sh"

pid=$(running_pid) || { echo "not running"; exit 0; }
kill "$pid"
# It waits for open requests to end, and its own event bus holds one for up to a
# minute. It keeps nothing on disk, so there is nothing to lose by not waiting.
for _ in $(seq 30); do
  running_pid >/dev/null || break
  sleep 0.1
done
! running_pid >/dev/null || kill -9 "$pid"
rm -f "$RUN_DIR/backend.pid"
echo "stopped, pid $pid"

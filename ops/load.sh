#!/usr/bin/env bash
# Loads a server of its own, which has 16,050 books and 848 torrents, and fails when a target of docs/PERFORMANCE.md is missed.
#
#   ops/load.sh         100 requests a second for five minutes, then a ramp to 1,000 a second
#   ops/load.sh soak    half an hour of a modest rate with coming and going: memory, files and connections have to stay bounded,
#                       and the server has to stop as it should
#   ops/load.sh load soak    one after the other on one server
#
# LOAD_RATE, LOAD_SECONDS, LOAD_RAMP ("200 400 700 1000"; empty for none), LOAD_RAMP_SECONDS, LOAD_P95_MS, LOAD_P99_MS,
# LOAD_ERRORS_PERCENT, LOAD_RAMP_P95_MS, LOAD_RAMP_HEALTH_MS, LOAD_RAMP_KEPT, SOAK_SECONDS, SOAK_RATE and SOAK_MORE_MB change a run;
# PROGRAM is another program than the optimised one.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

modes=${*:-load}
[[ $modes =~ ^(load|soak|load soak)$ ]] || { echo "usage: ops/load.sh [load] [soak]" >&2; exit 2; }
export PROGRAM=${PROGRAM:-$target_dir/release/mamcrawler}
[ -x "$PROGRAM" ] || { echo "There is no $PROGRAM. Build it first: cargo build --release -p server" >&2; exit 1; }
[ -d end2end/node_modules/undici ] || (cd end2end && npm ci --no-audit --no-fund --loglevel=error)

start_for_now
export LOAD_ADDRESS="$address" LOAD_ACCESS="$access" LOAD_PID="$server" LOAD_SOCKET_DIR="$scratch/data/postgres/run"
node ops/load/add-people.mjs
fill_for_now ops/load/fill.sql
psql --quiet --no-psqlrc -h "$LOAD_SOCKET_DIR" -U postgres mamcrawler -c 'VACUUM ANALYZE'

# Covers as they lie there after they were fetched once.
list_covered() {
  psql --no-psqlrc -qAt -h "$LOAD_SOCKET_DIR" -U postgres mamcrawler -c 'SELECT id FROM books WHERE has_cover'
}
{ printf '\x89PNG\r\n\x1a\n'; head -c 12000 "$PROGRAM"; } >"$scratch/cover.png"
while read -r book; do
  mkdir -p "$scratch/data/covers/$book"
  cp "$scratch/cover.png" "$scratch/data/covers/$book/240-1.png"
done < <(list_covered)

for mode in $modes; do
  printf '\n-- %s\n' "$mode"
  node "ops/load/$mode.mjs" || { echo "The server's last words:"; tail -n 5 "$scratch/server.log"; exit 1; }
done
# The soak has stopped it.
if [[ $modes == *soak ]]; then
  wait "$server" || { echo "MISSED: the server stopped with status $?" >&2; exit 1; }
fi

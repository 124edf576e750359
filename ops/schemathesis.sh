#!/usr/bin/env bash
# Throws made-up requests at the JSON API and compares every answer with the OpenAPI document.
#
#   ops/schemathesis.sh                        starts a server of its own and ends it
#   ops/schemathesis.sh <address> <admin key>  uses one that runs, with its rates set high
#
# SCHEMATHESIS_SECONDS bounds the run (120), SCHEMATHESIS_SEED repeats one.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

version=4.32.5
venv="$target_dir/schemathesis"
if ! "$venv/bin/schemathesis" --version 2>/dev/null | grep -q "$version"; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version"
fi

# Starts a server on an empty database; sets `address` and `key`.
start_own() {
  local binary="$target_dir/debug/mamcrawler" port token access
  scratch=$(mktemp -d)
  # Started by root, PostgreSQL runs as somebody else, who has to get in.
  chmod 755 "$scratch"
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  address="http://127.0.0.1:$port"
  local class rates=()
  for class in PUBLIC AUTHENTICATED ADMIN DOWNLOAD SEARCH METADATA HEALTH UPLOAD PAGE ADDRESS; do
    rates+=("MAMCRAWLER_RATE_$class=1000000/min")
  done
  env "${rates[@]}" MAMCRAWLER_LISTEN="127.0.0.1:$port" MAMCRAWLER_DATA_DIR="$scratch/data" \
    "$binary" serve >"$scratch/server.log" 2>&1 &
  server=$!
  trap end_own EXIT
  for _ in $(seq 300); do
    curl --silent --fail --output /dev/null "$address/health/ready" && break
    kill -0 "$server" 2>/dev/null || { cat "$scratch/server.log"; exit 1; }
    sleep 0.2
  done
  token=$(sed -n 's/.*setup token: \([A-Za-z0-9_-]*\).*/\1/p' "$scratch/server.log" | tail -1)
  access=$(post setup "" "{\"token\":\"$token\",\"username\":\"anna\",\"password\":\"correct horse battery\"}" access_token)
  key=$(post keys "$access" '{"name":"schemathesis","scope":"admin","expires_in_days":1,"requests_per_minute":10000}' secret)
}

post() { # path, bearer, body, field
  curl --silent --fail-with-body "$address/api/v1/$1" -H "Authorization: Bearer $2" -H 'Content-Type: application/json' -d "$3" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$4"
}

end_own() {
  kill -TERM "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  rm -rf "$scratch"
}

if [ $# -eq 2 ]; then
  address=$1
  key=$2
else
  start_own
fi

# The stream never ends; the key must not be revoked or rotated under the run's feet, nor its owner shut out. Made-up
# credentials are guesses, which have to wait after some; a test of ours tries every route with wrong ones instead.
# It keeps a cache where it runs.
cd "$venv"
bin/schemathesis --config-file "$root/ops/schemathesis.toml" run "$address/api/openapi.json" \
  --header "Authorization: Bearer $key" \
  --checks all \
  --exclude-checks ignored_auth \
  --phases examples,coverage,fuzzing \
  --max-time "${SCHEMATHESIS_SECONDS:-120}" \
  --request-timeout 30 \
  --workers 2 \
  --continue-on-failure \
  --exclude-operation-id stream_events \
  --exclude-operation-id revoke_key \
  --exclude-operation-id rotate_key \
  --exclude-operation-id change_user \
  --exclude-operation-id delete_user \
  ${SCHEMATHESIS_SEED:+--seed "$SCHEMATHESIS_SEED"}

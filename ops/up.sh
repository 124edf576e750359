#!/usr/bin/env bash
# Builds and starts mamcrawler on this machine; with DEMO=0 without the sandbox of stand-in services.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

demo=${DEMO:-1}
listen=${MAMCRAWLER_LISTEN:-127.0.0.1:3000}

if [ "$demo" = 1 ]; then ops/install-tools.sh demo; else ops/install-tools.sh run; fi

echo "Building (the first time takes some minutes) …"
cargo build -q -p server
cargo xtask site
[ "$demo" = 1 ] && cargo build -q -p sandbox

mkdir -p "$run_dir"
chmod 711 "$run_dir"

if [ "$demo" = 1 ] && ! running_pid sandbox >/dev/null; then
  echo "Starting the sandbox: stand-ins for MyAnonamouse, Prowlarr and Audiobookshelf, and a real swarm …"
  rm -f "$run_dir/sandbox.json"
  start sandbox "$target_dir/debug/sandbox" serve --dir "$run_dir/sandbox" --print "$run_dir/sandbox.json"
  for _ in $(seq 300); do
    [ -s "$run_dir/sandbox.json" ] && break
    running_pid sandbox >/dev/null || { echo "The sandbox did not start:" >&2; tail -n 5 "$run_dir/sandbox.log" >&2; exit 1; }
    sleep 0.5
  done
  [ -s "$run_dir/sandbox.json" ] || { echo "The sandbox did not get ready in time; see $run_dir/sandbox.log" >&2; exit 1; }
fi

if ! running_pid server >/dev/null; then
  environment=(
    "MAMCRAWLER_LISTEN=$listen"
    "MAMCRAWLER_DATA_DIR=${MAMCRAWLER_DATA_DIR:-$run_dir/server}"
    "MAMCRAWLER_SITE_ROOT=$root/target/site"
  )
  if [ "$demo" = 1 ]; then
    environment+=("MAMCRAWLER_PROVISION=$run_dir/sandbox/provision.toml" MAMCRAWLER_MAM_SPACING_MS=300 MAMCRAWLER_POLL_ACTIVE_MS=2000)
  fi
  start server env "${environment[@]}" "$target_dir/debug/mamcrawler" serve
  for _ in $(seq 150); do
    curl -fsS -o /dev/null "http://$listen/health/ready" 2>/dev/null && break
    running_pid server >/dev/null || { echo "The server did not start:" >&2; tail -n 5 "$run_dir/server.log" >&2; exit 1; }
    sleep 0.2
  done
  curl -fsS -o /dev/null "http://$listen/health/ready" || { echo "The server did not get ready; see $run_dir/server.log" >&2; exit 1; }
fi

echo
echo "mamcrawler runs at http://$listen"
if curl -fsS "http://$listen/api/v1/setup" 2>/dev/null | grep -q '"is_needed":true'; then
  token=$(grep -o 'setup token: [A-Za-z0-9_-]*' "$run_dir/server.log" | tail -n 1 | cut -d' ' -f3)
  echo "Make the admin account at http://$listen/setup with the setup token $token"
fi
echo "Logs are in $run_dir; \`make down\` stops everything."

#!/usr/bin/env bash
# Loses everything and gets it back: in a new directory, on loopback, with the program as `cargo build -p server` made it. Prints how
# long each step took; fails when something is not as it was, or when the way back takes longer than $LIMIT_SECONDS (30 minutes).
set -euo pipefail
. "$(dirname "$0")/lib.sh"

program=${PROGRAM:-$target_dir/debug/mamcrawler}
limit=${LIMIT_SECONDS:-1800}
wants=${WANTS:-50}
[ -x "$program" ] || { echo "There is no $program. Build it first: cargo build -p server" >&2; exit 1; }

# Not below a home: the embedded database runs as an unprivileged user, who has to get there.
run_dir=$(mktemp -d /var/tmp/mamcrawler-drill.XXXXXX)
chmod 711 "$run_dir"
data=$run_dir/data
backups=$run_dir/backups
password="the drill's own password"
export MAMCRAWLER_LISTEN=127.0.0.1:0 MAMCRAWLER_DATA_DIR=$data MAMCRAWLER_BACKUP_DIR=$backups MAMCRAWLER_LOG_FORMAT=pretty
# It asks faster than people do.
export MAMCRAWLER_RATE_ADMIN=100000/min MAMCRAWLER_RATE_SEARCH=100000/min MAMCRAWLER_RATE_DOWNLOAD=100000/min
unset DATABASE_URL MAMCRAWLER_PROVISION

clean_up() {
  local status=$?
  stop server >/dev/null
  kill_database || true
  if [ "$status" -eq 0 ]; then rm -rf "$run_dir"; else echo "The drill failed; what it left is in $run_dir" >&2; fi
}
trap clean_up EXIT

start_server() {
  : >"$run_dir/server.log"
  start server "$program" serve
  local line
  for _ in $(seq 600); do
    line=$(grep -o 'mamcrawler serves http://[0-9.:]*' "$run_dir/server.log" || true)
    if [ -n "$line" ]; then
      site=${line#*serves }
      curl -fsS -o /dev/null "$site/health/ready" && return
    fi
    running_pid server >/dev/null || break
    sleep 0.1
  done
  tail -n 5 "$run_dir/server.log" >&2
  return 1
}

call() { # method, path, [body]
  curl -fsS -X "$1" "$site/api/v1$2" -H "Authorization: Bearer ${token:-none}" -H 'Content-Type: application/json' ${3:+--data "$3"}
}

sign_in() {
  token=$(call POST /auth/login "{\"username\":\"anna\",\"password\":\"$password\"}" | text_of access_token)
  [ -n "$token" ]
}

set_up() {
  local setup
  setup=$(grep -o 'setup token: [A-Za-z0-9_-]*' "$run_dir/server.log" | cut -d' ' -f3)
  call POST /setup "{\"username\":\"anna\",\"password\":\"$password\",\"token\":\"$setup\"}" >/dev/null
  sign_in
}

fill() {
  local number
  call POST /users "{\"username\":\"bert\",\"password\":\"$password\",\"role\":\"user\"}" >/dev/null
  call POST /integrations '{"kind":"torznab","name":"A feed","url":"http://127.0.0.1:9/api","is_enabled":false,"priority":0,
    "options":{},"secret":"000000000000"}' >/dev/null
  for number in $(seq "$wants"); do
    call POST /wants "{\"title\":\"Book $number of the drill\",\"author\":\"Anna Author\",\"language\":\"English\"}" >/dev/null
  done
}

# What the API shows of what must come back; jobs go on changing other things.
take_picture() { # file
  local cursor='' page
  # The sign-in after the way back is a new one.
  call GET /users | sed -E 's/"last_login_at":"[^"]*"//g' >"$1"
  call GET /integrations >>"$1"
  call GET /settings >>"$1"
  while :; do
    page=$(call GET "/wants?limit=100${cursor:+&cursor=$cursor}")
    grep -oE '"title":"[^"]*"' <<<"$page" >>"$1" || true
    cursor=$(text_of next_cursor <<<"$page" || true)
    [ -n "$cursor" ] || break
  done
}

kill_database() {
  local pid
  pid=$(head -n 1 "$data/postgres/cluster/postmaster.pid" 2>/dev/null) || return 0
  kill -KILL "$pid" 2>/dev/null || return 0
  for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || return 0; sleep 0.1; done
}

# As a power cut that took the disk of the database along: no stop is asked for.
destroy() {
  kill -KILL "$(running_pid server)"
  kill_database
  rm -rf "$data/postgres" "$run_dir/server.pid"
}

back_up() { "$program" backup >"$run_dir/backup.log" 2>&1 || { cat "$run_dir/backup.log" >&2; return 1; }; }
restore() { "$program" restore "$backup" >"$run_dir/restore.log" 2>&1 || { cat "$run_dir/restore.log" >&2; return 1; }; }
compare() {
  sign_in
  take_picture "$run_dir/after"
  cmp "$run_dir/before" "$run_dir/after"
  [ "$(grep -c 'of the drill' "$run_dir/after")" -ge "$wants" ]
}

timed "start on a new database" start_server
timed "set up, sign in" set_up
timed "insert $wants wants, a person and an integration" fill
take_picture "$run_dir/before"
timed "back up" back_up
# At night the server makes one of its own.
backup=$(ls -t "$backups"/*.backup | head -n 1)
timed "destroy server and database" destroy
lost=$(now)
timed "restore $(du -h "$backup" | cut -f1)B" restore
timed "start again" start_server
timed "sign in and compare" compare
took=$((($(now) - lost) / 1000000000))
grep -o 'restored .*' "$run_dir/restore.log"
grep -o 'the encryption key opens .*' "$run_dir/restore.log"
echo "Nothing is lost. The way back took $took s."
[ "$took" -le "$limit" ] || { echo "That is more than $limit s." >&2; exit 1; }

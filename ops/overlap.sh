#!/usr/bin/env bash
# Two versions side by side on one database, as during an update: the old server runs, the new server (which migrates) and a new worker
# join it, both are asked for everything, run jobs and see each other's writes; then the old one leaves, and must not come back.
# Prints how long each step took, and fails on anything that the old one can't stand.
#
#   ops/overlap.sh OLD NEW     two programs, such as the last release's and `target/release/mamcrawler`
#
# On loopback, in a PostgreSQL and a directory of its own.
set -euo pipefail
[ $# -eq 2 ] || { sed -n 's/^#   //p' "$0" >&2; exit 2; }
. "$(dirname "$0")/lib.sh"

old=$(realpath "$1")
new=$(realpath "$2")
password="the drill's own password"

# Not below a home: PostgreSQL runs as an unprivileged user, who has to get there.
run_dir=$(mktemp -d /var/tmp/mamcrawler-overlap.XXXXXX)
chmod 711 "$run_dir"
postgres_bin=$(dirname "$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)")
as_owner=()
[ "$(id -u)" -ne 0 ] || as_owner=(runuser -u postgres --)

clean_up() {
  local status=$?
  stop worker >/dev/null
  stop new >/dev/null
  stop old >/dev/null
  "${as_owner[@]}" "$postgres_bin/pg_ctl" -D "$run_dir/postgres/cluster" -m immediate stop >/dev/null 2>&1 || true
  if [ "$status" -eq 0 ]; then rm -rf "$run_dir"; else echo "It failed; logs and answers are in $run_dir" >&2; fi
}
trap clean_up EXIT

start_postgres() {
  install -d -m 755 "$run_dir/postgres"
  [ "$(id -u)" -ne 0 ] || chown postgres: "$run_dir/postgres"
  cd "$run_dir"
  "${as_owner[@]}" "$postgres_bin/initdb" -D "$run_dir/postgres/cluster" -U postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 >initdb.log
  "${as_owner[@]}" "$postgres_bin/pg_ctl" -D "$run_dir/postgres/cluster" --wait -l "$run_dir/postgres/log" \
    -o "-c listen_addresses='' -c unix_socket_directories=$run_dir/postgres" start >/dev/null
  psql -q -h "$run_dir/postgres" -U postgres -c 'CREATE DATABASE mamcrawler' postgres
}
ask() { psql -qAt -h "$run_dir/postgres" -U postgres -c "$1" mamcrawler; }

# One machine: they share keys and folders, as two processes of one installation do.
export DATABASE_URL="postgres://postgres@${run_dir//\//%2F}%2Fpostgres/mamcrawler"
export MAMCRAWLER_LISTEN=127.0.0.1:0 MAMCRAWLER_DATA_DIR=$run_dir/data
export LLVM_PROFILE_FILE=/dev/null
unset MAMCRAWLER_PROVISION
for class in PUBLIC AUTHENTICATED ADMIN DOWNLOAD SEARCH METADATA HEALTH UPLOAD PAGE ADDRESS; do
  export "MAMCRAWLER_RATE_$class=1000000/min"
done

# Sets the variable of the name to the server's address.
start_server() { # name, program
  start "$1" "$2" serve
  local line
  for _ in $(seq 600); do
    line=$(grep -o 'mamcrawler serves http://[0-9.:]*' "$run_dir/$1.log" || true)
    if [ -n "$line" ]; then
      printf -v "$1_site" %s "${line#*serves }"
      is_ready "$1" && return
    fi
    running_pid "$1" >/dev/null || break
    sleep 0.1
  done
  tail -n 5 "$run_dir/$1.log" >&2
  return 1
}

start_worker() {
  start worker "$new" worker
  for _ in $(seq 600); do
    grep -q 'mamcrawler works' "$run_dir/worker.log" && return
    running_pid worker >/dev/null || break
    sleep 0.1
  done
  tail -n 5 "$run_dir/worker.log" >&2
  return 1
}

site_of() { local name=$1_site; echo "${!name}"; }
is_ready() { curl -fsS -o /dev/null "$(site_of "$1")/health/ready"; }
both_ready() { is_ready old && is_ready new; }

call() { # server, method, path, [body]
  curl -sS --fail-with-body -X "$2" "$(site_of "$1")/api/v1$3" -H "Authorization: Bearer ${token:-none}" \
    -H 'Content-Type: application/json' ${4:+--data "$4"}
}
# How many wants of a server's making another one lists.
count_wants() { # server, maker
  call "$1" GET '/wants?limit=100' | grep -oE "\"title\":\"Book [0-9]+ of the $2 one\"" | sort -u | wc -l
}

# A token of one is good for the other, or the update signs everybody out.
set_up() {
  local setup
  setup=$(grep -o 'setup token: [A-Za-z0-9_-]*' "$run_dir/old.log" | cut -d' ' -f3)
  call old POST /setup "{\"username\":\"anna\",\"password\":\"$password\",\"token\":\"$setup\"}" >/dev/null
  token=$(call old POST /auth/login "{\"username\":\"anna\",\"password\":\"$password\"}" | text_of access_token)
}

add_wants() { # server, first, last
  local number
  for number in $(seq "$2" "$3"); do
    call "$1" POST /wants "{\"title\":\"Book $number of the $1 one\",\"author\":\"Anna Author\",\"language\":\"English\"}" >/dev/null
  done
}

fill() {
  add_wants old 1 10
  call old POST /users "{\"username\":\"bert\",\"password\":\"$password\",\"role\":\"user\"}" >/dev/null
  call old POST /integrations '{"kind":"torznab","name":"A feed","url":"http://127.0.0.1:9/api","is_enabled":false,"priority":0,
    "options":{},"secret":"000000000000"}' >/dev/null
  run_job old clean_up
}

read_schema() { ask "SELECT max(version) FROM __diesel_schema_migrations"; }

# Everything that can be read without naming a thing: the pages of the navigation, and what the program's own document lists.
read_all() { # server
  local site path status count=0
  site=$(site_of "$1")
  curl -fsS -H "Authorization: Bearer $token" "$site/" | grep -oE 'href="/[a-z/-]*"' | cut -d'"' -f2 | sort -u >"$run_dir/$1-paths"
  curl -fsS "$site/api/openapi.json" | python3 -c '
import json, sys
for path, item in json.load(sys.stdin)["paths"].items():
    if "get" in item and "{" not in path and not path.endswith("/events"):
        print(path if path.startswith("/api") else "/api" + path)
' >>"$run_dir/$1-paths"
  while read -r path; do
    status=$(curl -sS -o "$run_dir/answer" -w '%{http_code}' -H "Authorization: Bearer $token" "$site$path")
    case $status in
      200) count=$((count + 1)) ;;
      *) echo "$1 answers $status to $path: $(head -c 400 "$run_dir/answer")" >&2; return 1 ;;
    esac
  done <"$run_dir/$1-paths"
  echo "           $1: $count pages and lists"
}

# Runs a job by a server's door; whichever process is free does it.
run_job() { # server, kind
  local run status
  run=$(call "$1" POST "/jobs/$2/runs" | text_of id)
  for _ in $(seq 300); do
    status=$(call "$1" GET "/runs/$run" | text_of status)
    case $status in
      queued | running) sleep 0.1 ;;
      succeeded | nothing_to_do) return ;;
      *) break ;;
    esac
  done
  echo "$2 by the $1 one: $status, $(call "$1" GET "/runs/$run" | text_of sentence)" >&2
  return 1
}

# All jobs that a server knows, by its own door.
run_jobs() { # server
  local kind
  for kind in $(call "$1" GET "/jobs?limit=100" | grep -o '"kind":"[a-z_]*"' | cut -d'"' -f4 | sort -u); do run_job "$1" "$kind"; done
}

# How many runs a process has written about.
count_runs() { grep -o 'run\.id=[0-9a-f-]*' "$run_dir/$1.log" | sort -u | wc -l; }

# Queues work until each of the three has done some; the old one's are counted from when the new schema was there.
share_work() {
  local number worked
  for number in $(seq 100 160); do
    add_wants old "$number" "$number"
    add_wants new "$number" "$number"
    worked="old $(($(count_runs old) - old_runs)), new $(count_runs new), worker $(count_runs worker)"
    [[ " $worked," == *" 0,"* ]] || { echo "           runs: $worked"; return; }
  done
  echo "Not all of them worked: $worked" >&2
  return 1
}

see_each_other() {
  add_wants old 11 13
  add_wants new 1 3
  local server
  for server in old new; do
    [ "$(count_wants "$server" old)" -eq 13 ]
    [ "$(count_wants "$server" new)" -eq 3 ]
  done
  call new POST /users "{\"username\":\"carl\",\"password\":\"$password\",\"role\":\"user\"}" >/dev/null
  call old GET '/users?limit=100' | grep -q '"username":"carl"'
}

# Settings are saved whole: each sees what the other saved, and the old one keeps what only a newer one knows.
save_settings() {
  save_seeders old 7
  save_seeders new 8
  ask "UPDATE settings SET value = value || '{\"of_a_newer_version\": true}' WHERE name = 'settings'"
  save_seeders old 9
  [ "$(ask "SELECT value ? 'of_a_newer_version' FROM settings WHERE name = 'settings'")" = t ] ||
    { echo "What the old one saves takes settings of a newer version away." >&2; return 1; }
}

save_seeders() { # server, number
  local settings server
  settings=$(call "$1" GET /settings | sed "s/\"min_seeders\":[0-9]*/\"min_seeders\":$2/")
  call "$1" PUT /settings "$settings" >/dev/null
  for server in old new; do call "$server" GET /settings | grep -q "\"min_seeders\":$2[,}]"; done
}

# A job's schedule, as the new one keeps it, stands whatever the old one does with the job.
change_schedule() {
  call new PATCH /jobs/clean_up '{"schedule":"every 2 hours"}'
  call old PATCH /jobs/clean_up '{"is_enabled":false}'
  call old PATCH /jobs/clean_up '{"is_enabled":true}'
  call new GET /jobs/clean_up | grep -q 'every 2 hours'
}

# Both logs and the database's, since the new one came.
find_complaints() {
  local file found=0
  for file in old new worker; do
    if grep -E ' ERROR |does not exist|violates|panicked' "$run_dir/$file.log" >&2; then found=1; fi
  done
  # PostgreSQL says what either asked wrongly.
  if grep -E '(ERROR|FATAL|PANIC):' "$run_dir/postgres/log" >&2; then found=1; fi
  return "$found"
}

leave() {
  stop old >"$run_dir/stopped"
  if grep 'did not stop' "$run_dir/stopped" >&2; then return 1; fi
  is_ready new
  [ "$(count_wants new old)" -ge 13 ]
}

come_back() {
  local status=0
  timeout 60 "$old" serve >"$run_dir/again.log" 2>&1 || status=$?
  [ "$status" -ne 0 ] && [ "$status" -ne 124 ] || { echo "The old program started again, or hung ($status)." >&2; return 1; }
  grep 'was written by a newer version of mamcrawler' "$run_dir/again.log" | sed "s/^/           exit $status: /"
}

timed "a PostgreSQL" start_postgres
timed "the old server on a new database" start_server old "$old"
timed "the first admin" set_up
timed "fill it, run a job" fill
before=$(read_schema)
timed "the new server joins" start_server new "$new"
timed "a new worker joins" start_worker
after=$(read_schema)
old_runs=$(count_runs old)
echo "           schema $before, then $after"
timed "both are ready" both_ready
timed "read everything from the old one" read_all old
timed "read everything from the new one" read_all new
timed "each sees what the other writes" see_each_other
timed "each saves the settings" save_settings
timed "each changes a job" change_schedule
timed "all jobs by the old one's door" run_jobs old
timed "all jobs by the new one's door" run_jobs new
timed "all three processes work" share_work
timed "read everything from the old one again" read_all old
timed "both are ready" both_ready
timed "nobody complains" find_complaints
timed "the old one stops" leave
if [ "$before" = "$after" ]; then
  echo "The new version brings no migration: the old one may be started again."
else
  timed "the old one, started again, refuses" come_back
fi
timed "the new one goes on" run_job new clean_up
timed "nobody complains" find_complaints

# Shared by the scripts beside it: where a local installation lives and who runs there, and a server for one run only.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ "$(id -u)" -eq 0 ]; then
  # The embedded database runs as an unprivileged user, who can't walk below /root.
  run_dir=${RUN_DIR:-/var/lib/mamcrawler-dev}
else
  run_dir=${RUN_DIR:-$HOME/.local/share/mamcrawler-dev}
fi
target_dir=${CARGO_TARGET_DIR:-$root/target}

# When a process started, in clock ticks since boot: with it a pid names one process for good.
started_at() { awk '{sub(/^.*\) /, ""); print $20}' "/proc/$1/stat" 2>/dev/null; }

# The recorded process, if it is still the one that we started.
running_pid() { # name
  local pid started
  [ -r "$run_dir/$1.pid" ] || return 1
  read -r pid started <"$run_dir/$1.pid" || return 1
  [ -n "$started" ] && [ "$(started_at "$pid")" = "$started" ] && echo "$pid"
}

# Starts a command away from this terminal and records it.
start() { # name, command...
  local name=$1 pid
  shift
  setsid "$@" </dev/null >>"$run_dir/$name.log" 2>&1 &
  pid=$!
  disown
  echo "$pid $(started_at "$pid")" >"$run_dir/$name.pid"
}

stop() { # name
  local pid
  pid=$(running_pid "$1") || { rm -f "$run_dir/$1.pid"; return 0; }
  kill -TERM "$pid"
  for _ in $(seq 150); do
    [ "$(running_pid "$1")" = "$pid" ] || break
    sleep 0.2
  done
  if [ "$(running_pid "$1")" = "$pid" ]; then
    echo "$1 did not stop in 30 s; ending it."
    kill -KILL "$pid"
  fi
  rm -f "$run_dir/$1.pid"
  echo "stopped $1"
}

now() { date +%s%N; }

# Runs a command and says how long it took.
timed() { # what, command...
  local what=$1 began
  began=$(now)
  shift
  "$@"
  printf '%8.2f s  %s\n' "$((($(now) - began) / 10000000))e-2" "$what"
}

# A text of the JSON object on standard input; nothing if there is none. Works where there is no Python.
text_of() { # name
  grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | cut -d'"' -f4
}

# A Python tool in the target directory, with everything that it needs in just the versions of ops/<program>-constraints.txt.
ensure_python_tool() { # package, program
  local venv="$target_dir/$2" versions="$root/ops/$2-constraints.txt"
  if ! cmp --silent "$versions" "$venv/constraints.txt" || ! "$venv/bin/$2" --version >/dev/null 2>&1; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --constraint "$versions" "$1"
    cp "$versions" "$venv/constraints.txt"
  fi
}

# Starts a server on an empty database, with its rates set high and an admin; sets `address`, `scratch`, `server` and `access`,
# the admin's token. What else it shall be told is exported before; $PROGRAM is another program than the unoptimised one.
start_for_now() {
  local program=${PROGRAM:-$target_dir/debug/mamcrawler} port class rates=() token
  [ -x "$program" ] || { echo "There is no $program. Build it first: cargo build -p server" >&2; exit 1; }
  scratch=$(mktemp -d)
  # Started by root, PostgreSQL runs as somebody else, who has to get in.
  chmod 755 "$scratch"
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  address="http://127.0.0.1:$port"
  for class in PUBLIC AUTHENTICATED ADMIN DOWNLOAD SEARCH METADATA HEALTH UPLOAD PAGE ADDRESS; do
    rates+=("MAMCRAWLER_RATE_$class=1000000/min")
  done
  env -u DATABASE_URL -u MAMCRAWLER_PROVISION "${rates[@]}" MAMCRAWLER_LISTEN="127.0.0.1:$port" \
    MAMCRAWLER_DATA_DIR="$scratch/data" "$program" serve >"$scratch/server.log" 2>&1 &
  server=$!
  trap end_for_now EXIT
  wait_for_now
  token=$(sed -n 's/.*setup token: \([A-Za-z0-9_-]*\).*/\1/p' "$scratch/server.log" | tail -1)
  access=$(post setup "" "{\"token\":\"$token\",\"username\":\"anna\",\"password\":\"correct horse battery\"}" | field access_token)
}

wait_for_now() {
  for _ in $(seq 300); do
    curl --silent --fail --output /dev/null "$address/health/ready" && return
    kill -0 "$server" 2>/dev/null || break
    sleep 0.2
  done
  cat "$scratch/server.log"
  exit 1
}

post() { # path, bearer, body
  curl --silent --fail-with-body "$address/api/v1/$1" -H "Authorization: Bearer $2" -H 'Content-Type: application/json' -d "$3"
}

field() { # path of keys
  python3 -c 'import functools, json, sys; print(functools.reduce(dict.get, sys.argv[1:], json.load(sys.stdin)))' "$@"
}

# SQL from the files, in one transaction, in the database of this run's server.
fill_for_now() { # file...
  cat "$@" |
    psql --quiet --no-psqlrc --single-transaction --set ON_ERROR_STOP=1 -h "$scratch/data/postgres/run" -U postgres mamcrawler
}

# It has half a minute to stop; then it is ended. A database that it left behind ends with it.
end_for_now() {
  kill -TERM "$server" 2>/dev/null || true
  for _ in $(seq 150); do
    kill -0 "$server" 2>/dev/null || break
    sleep 0.2
  done
  kill -KILL "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  local database
  if database=$(head -n 1 "$scratch/data/postgres/cluster/postmaster.pid" 2>/dev/null); then
    kill -QUIT "$database" 2>/dev/null || true
    for _ in $(seq 50); do kill -0 "$database" 2>/dev/null || break; sleep 0.1; done
  fi
  rm -rf "$scratch"
}

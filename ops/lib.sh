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

# A Python tool in the target directory, in just this version.
ensure_python_tool() { # package, version, program
  local venv="$target_dir/$3"
  if ! "$venv/bin/$3" --version 2>/dev/null | grep -q "$2"; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "$1==$2"
  fi
}

# Starts a server on an empty database, with its rates set high and an admin's API key; sets `address` and `key`.
start_for_now() { # name of the key
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
  trap end_for_now EXIT
  for _ in $(seq 300); do
    curl --silent --fail --output /dev/null "$address/health/ready" && break
    kill -0 "$server" 2>/dev/null || { cat "$scratch/server.log"; exit 1; }
    sleep 0.2
  done
  token=$(sed -n 's/.*setup token: \([A-Za-z0-9_-]*\).*/\1/p' "$scratch/server.log" | tail -1)
  access=$(post setup "" "{\"token\":\"$token\",\"username\":\"anna\",\"password\":\"correct horse battery\"}" access_token)
  key=$(post keys "$access" "{\"name\":\"$1\",\"scope\":\"admin\",\"expires_in_days\":1,\"requests_per_minute\":10000}" secret)
}

post() { # path, bearer, body, field
  curl --silent --fail-with-body "$address/api/v1/$1" -H "Authorization: Bearer $2" -H 'Content-Type: application/json' -d "$3" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$4"
}

end_for_now() {
  kill -TERM "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  rm -rf "$scratch"
}

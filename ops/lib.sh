# Shared by up.sh and down.sh: where a local installation lives, and who runs there.

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

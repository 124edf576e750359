#!/usr/bin/env bash
# From nothing to a running, monitored and backed-up system: makes a fresh Debian 12, boots it in a container of systemd, and runs there
# what the chapter "systemd" of docs/DEPLOYMENT.md says, command by command, as a person who may sudo. Then it makes the first admin,
# waits for Prometheus, backs up and tests the backup. Prints how long each step took; fails when something is not as it should be, or
# when all of that takes longer than $LIMIT_SECONDS (15 minutes). At last it adds a worker and upgrades as the document says, kills the
# server, loses the database and gets it back as docs/DISASTER_RECOVERY.md says, reboots the machine, and puts the document's nginx in front.
#
#   ops/fresh-machine.sh     as root; PROGRAM and SITE as for ops/make-archive.sh, MIRROR for another mirror of Debian
#
# The machine has a network of its own that reaches nobody, so that no port can be taken. Hence its packages are fetched before it boots.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" -eq 0 ] || { echo "debootstrap and systemd-nspawn need root." >&2; exit 1; }
for tool in debootstrap systemd-nspawn nsenter; do
  command -v "$tool" >/dev/null ||
    { echo "$tool is missing: apt-get install --no-install-recommends debootstrap systemd-container util-linux" >&2; exit 1; }
done
limit=${LIMIT_SECONDS:-900}
mirror=${MIRROR:-http://deb.debian.org/debian}
work=$(mktemp -d /var/tmp/mamcrawler-fresh.XXXXXX)
machine=$work/machine
name=$(basename "$work" | tr . -)
home=$machine/home/reader
password="the drill's own password"
nspawn=

clean_up() {
  local status=$?
  if [ -n "$nspawn" ] && kill -0 "$nspawn" 2>/dev/null; then
    inside systemctl poweroff >/dev/null 2>&1 || true
    for _ in $(seq 300); do kill -0 "$nspawn" 2>/dev/null || break; sleep 0.1; done
    kill -KILL "$nspawn" 2>/dev/null || true
    wait "$nspawn" 2>/dev/null || true
  fi
  rm -rf --one-file-system "/run/systemd/nspawn/propagate/$name"
  # What a debootstrap that was broken off leaves.
  local mounted
  for mounted in $(awk -v below="$work/" 'index($2, below) == 1 {print $2}' /proc/self/mounts | sort -r); do umount --lazy "$mounted"; done
  if [ "$status" -eq 0 ]; then
    rm -rf --one-file-system "$work"
  else
    echo "The drill failed. The machine is switched off; its files are in $work" >&2
    tail -n 15 "$home/commands.log" 2>/dev/null >&2 || true
  fi
}
trap clean_up EXIT

# Waits for a command to succeed.
until_true() { # seconds, what, command...
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || { echo "In vain waited for: $what" >&2; return 1; }
    sleep 0.2
  done
}

# The `sh` blocks of the chapter, a file each; its first line is the heading above it.
read_chapter() { # directory
  awk -v directory="$1" '
    /^## /       {is_ours = $0 == "## systemd"}
    /^### /      {title = substr($0, 5)}
    is_ours && /^```sh$/ {is_open = 1; file = sprintf("%s/%02d", directory, ++count); print "# " title >file; next}
    /^```$/      {is_open = 0}
    is_open      {print >file}' "$root/docs/DEPLOYMENT.md"
  # More than a heading that was renamed by accident would leave.
  [ "$(cat "$1"/* | grep -c .)" -gt 20 ]
}

make_machine() {
  debootstrap --variant=minbase --include=systemd-sysv,dbus,sudo bookworm "$machine" "$mirror" >"$work/debootstrap.log" 2>&1 ||
    { tail -n 5 "$work/debootstrap.log" >&2; return 1; }
  printf 'deb %s bookworm main\ndeb http://deb.debian.org/debian-security bookworm-security main\n' "$mirror" \
    >"$machine/etc/apt/sources.list"
  echo fresh >"$machine/etc/hostname"
  printf '127.0.0.1 localhost fresh\n' >"$machine/etc/hosts"
  cp /etc/resolv.conf "$machine/etc/resolv.conf"
  chroot "$machine" useradd --create-home --shell /bin/bash reader
  echo 'reader ALL=(ALL) NOPASSWD: ALL' >"$machine/etc/sudoers.d/reader"
  mkdir "$home/commands"
  read_chapter "$home/commands"
}

fetch_packages() {
  local packages
  packages=$(sed -n 's/^sudo apt-get install --yes --no-install-recommends //p' "$home"/commands/*)
  chroot "$machine" apt-get update -qq
  # The last one is for the drill's end.
  # shellcheck disable=SC2086
  chroot "$machine" apt-get install -qq --yes --download-only --no-install-recommends $packages nginx >"$work/apt.log"
}

# Where systemd does not run, nobody registers machines, and a reboot ends the container.
flags=()
[ -d /run/systemd/system ] || flags=(--register=no --keep-unit)
ended_by_reboot=133

boot() {
  systemd-nspawn --quiet --boot --directory="$machine" --machine="$name" --hostname=fresh --private-network \
    --resolv-conf=off --timezone=off --link-journal=no "${flags[@]}" </dev/null >>"$work/console.log" 2>&1 &
  nspawn=$!
  wait_for_boot
}

wait_for_boot() {
  until_true 90 "the machine to boot (see $work/console.log)" is_booted
}

is_booted() {
  kill -0 "$nspawn" || return 1
  # "degraded" is a unit that a container can't run.
  case $(inside systemctl is-system-running 2>/dev/null) in running | degraded) ;; *) return 1 ;; esac
}

# A command in the machine, as root.
inside() {
  local init
  init=$(pgrep --parent "$nspawn" --exact systemd) || return 1
  nsenter --target "$init" --mount --uts --ipc --net --pid --cgroup -- env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 HOME=/root "$@"
}

# Everything that the document says, in one shell as a reader has it.
follow_document() {
  cat >"$home/follow.sh" <<'END'
set -euo pipefail
exec 3>&1 >~/commands.log 2>&1 </dev/null
cd ~/downloads
# The strictest that people have: what others are to read must not depend on it.
umask 077
for commands in ~/commands/*; do
  began=$(date +%s%N)
  set -x
  . "$commands"
  { set +x; } 2>/dev/null
  printf '%8.2f s  document: %s\n' "$((($(date +%s%N) - began) / 10000000))e-2" "$(sed -n '1s/^# //p' "$commands")" >&3
done
END
  mkdir "$home/downloads"
  cp "$work"/archive/* "$home/downloads/"
  chroot "$machine" chown -R reader: /home/reader
  inside runuser --login reader --command "bash follow.sh"
}

call() { # method, path, [body]
  inside curl -fsS -X "$1" "http://127.0.0.1:3000/api/v1$2" -H "Authorization: Bearer ${token:-none}" \
    -H 'Content-Type: application/json' ${3:+--data "$3"}
}

sign_in() {
  token=$(call POST /auth/login "{\"username\":\"anna\",\"password\":\"$password\"}" | text_of access_token)
  [ -n "$token" ]
}

set_up() {
  local setup
  setup=$(grep -o 'setup token: [A-Za-z0-9_-]*' "$home/commands.log" | head -n 1 | cut -d' ' -f3)
  call POST /setup "{\"username\":\"anna\",\"password\":\"$password\",\"token\":\"$setup\"}" >/dev/null
  sign_in
  call POST /wants '{"title":"The book of the drill","author":"Anna Author","language":"English"}' >/dev/null
}

keeps_all() {
  sign_in
  call GET /wants | grep -q 'The book of the drill'
}

# As docs/DEPLOYMENT.md calls every command but `serve`.
run_program() { # argument...
  inside systemd-run --quiet --pipe --wait --uid=mamcrawler --property=EnvironmentFile=/etc/mamcrawler/environment mamcrawler "$@"
}

back_up() {
  run_program backup >"$work/backup.log" 2>&1 || { cat "$work/backup.log" >&2; return 1; }
  [ "$(inside find /var/lib/mamcrawler/backups -name '*.backup' -size +0 | wc -l)" -eq 2 ]
}

# Runs a job now, and shows what it says when it succeeded.
run_job() { # kind
  local answer run
  answer=$(call POST "/jobs/$1/runs")
  run=$(text_of id <<<"$answer")
  until_true 120 "the job $1" has_ended "$run"
  [ "$(text_of status <"$work/run")" = succeeded ] || { cat "$work/run" >&2; return 1; }
}

has_ended() { # run
  call GET "/runs/$1" >"$work/run"
  case $(text_of status <"$work/run") in queued | running) return 1 ;; esac
}

ask_prometheus() { # path
  inside curl -fsS "http://127.0.0.1:9090/api/v1/$1"
}

# The server is scraped and, once there is one, the worker; every alert that we ship is loaded and was evaluated without an error.
targets=1
is_monitored() {
  local shipped
  shipped=$(grep -c '^ *- alert:' "$root/ops/prometheus/mamcrawler.rules.yml")
  ask_prometheus targets >"$work/targets" 2>/dev/null || return 1
  [ "$(grep -o '"health":"[a-z]*"' "$work/targets" | sort | uniq -c | tr -s ' ')" = " $targets \"health\":\"up\"" ] || return 1
  ask_prometheus rules >"$work/rules"
  [ "$(grep -o '"health":"ok"' "$work/rules" | wc -l)" -eq "$shipped" ]
}

# What Prometheus knows of a metric.
is_known() { # metric
  ask_prometheus "query?query=$1" | grep -q '"value":\['
}

knows_backups() {
  until_true 60 "the backup in Prometheus" is_known mamcrawler_last_backup_timestamp_seconds
  until_true 60 "the restore test in Prometheus" is_known mamcrawler_last_restore_test_timestamp_seconds
}

examine() {
  run_program doctor >"$work/doctor" 2>&1 || { cat "$work/doctor" >&2; return 1; }
}

is_ready() { inside curl -fs -o /dev/null http://127.0.0.1:3000/health/ready; }

main_process() { inside systemctl show --property MainPID --value "${1:-mamcrawler}"; } # [unit]

kill_server() {
  local killed
  killed=$(main_process)
  inside systemctl kill --kill-whom=main --signal=KILL mamcrawler
  until_true 60 "another process than $killed" is_another "$killed"
  until_true 60 "the server after a kill" is_ready
}

is_another() { # process, [unit]
  local main
  main=$(main_process "${2:-mamcrawler}")
  [ "$main" != 0 ] && [ "$main" != "$1" ]
}

# The block of a document's chapter that has these words; there has to be one.
read_block() { # document, chapter, words, [language, else sh]
  awk -v chapter="## $2" -v words="$3" -v fence="\`\`\`${4:-sh}" '
    /^## /      {is_ours = $0 == chapter}
    $0 == fence {block = ""; is_open = 1; next}
    /^```$/     {if (is_open && is_ours && index(block, words)) {printf "%s", block; found++}; is_open = 0}
    is_open     {block = block $0 "\n"}
    END         {exit found != 1}' "$root/docs/$1" ||
    { echo "docs/$1 has not just one block with \"$3\" in its chapter \"$2\"." >&2; return 1; }
}

# What a document says, as the reader.
follow() { # name, where
  inside runuser --login reader --command "cd $2 && bash -euxo pipefail ~/$1.sh" >"$work/$1.log" 2>&1 || { cat "$work/$1.log" >&2; return 1; }
}

# Both units are sound, and the worker runs beside the server.
add_worker() {
  inside systemd-analyze verify --man=no mamcrawler.service mamcrawler-worker.service
  { read_block DEPLOYMENT.md 'More workers' 'enable --now'; read_block DEPLOYMENT.md 'More workers' prometheus.yml; } >"$home/add_worker.sh"
  read_block DEPLOYMENT.md 'More workers' 'healthcheck --worker' >"$home/check_worker.sh"
  follow add_worker .
  targets=2
  is_worker_well
  until_true 60 "Prometheus with the worker" is_monitored
}

is_worker_well() { until_true 60 "the worker (see $work/check_worker.log)" is_checked; }

is_checked() { follow check_worker . 2>/dev/null; }

find_newest_backup() { inside find /var/lib/mamcrawler/backups -name '*.backup' -printf '%f\n' | sort | tail -n 1; }

# To the same version: the backup that the document begins with is made, other processes serve and work, and the alerts are the new ones.
upgrade() {
  local old worker newest
  old=$(main_process)
  newest=$(find_newest_backup)
  mkdir "$home/new"
  cp "$work"/archive/* "$home/new/"
  { read_block DEPLOYMENT.md Upgrade sha256sum; read_block DEPLOYMENT.md Upgrade rules.yml; } >"$home/upgrade.sh"
  chroot "$machine" chown -R reader: /home/reader/new
  # As if the version before had shipped no alert.
  echo 'groups: []' >"$machine/etc/prometheus/mamcrawler.rules.yml"
  worker=$(main_process mamcrawler-worker)
  follow upgrade new
  [ "$(find_newest_backup)" != "$newest" ]
  until_true 60 "another process than $old" is_another "$old"
  until_true 60 "another worker than $worker" is_another "$worker" mamcrawler-worker
  until_true 60 "the server after an upgrade" is_ready
  is_worker_well
  until_true 60 "the alerts after an upgrade" is_monitored
  keeps_all
}

# The block of docs/DISASTER_RECOVERY.md that stops the unit, with the newest backup for its <file>.
recover() {
  local newest
  newest=$(find_newest_backup)
  read_block DISASTER_RECOVERY.md 'The database is lost' 'systemctl stop mamcrawler' | sed "s/<file>/$newest/" >"$home/recover.sh"
  grep -q dropdb "$home/recover.sh"
  follow recover .
  until_true 60 "the server after a restore" is_ready
  keeps_all
}

# A container's first process is another one after each boot.
reboot() {
  local before status=0
  before=$(pgrep --parent "$nspawn" --exact systemd)
  inside systemctl reboot
  if [ ${#flags[@]} -gt 0 ]; then
    wait "$nspawn" || status=$?
    [ "$status" -eq "$ended_by_reboot" ]
    boot
  else
    until_true 90 "the machine to boot again" is_other_boot "$before"
    wait_for_boot
  fi
  until_true 60 "the server after a reboot" is_ready
  until_true 90 "Prometheus after a reboot" is_monitored
  keeps_all
}

is_other_boot() { # first process before
  local after
  after=$(pgrep --parent "$nspawn" --exact systemd) && [ "$after" != "$1" ]
}

# nginx as the document has it, with a certificate of its own making: it starts, and mamcrawler is told who asks.
serve_by_proxy() {
  inside apt-get install --yes --no-install-recommends nginx >"$work/nginx.log" 2>&1 || { cat "$work/nginx.log" >&2; return 1; }
  inside openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=books.example \
    -addext subjectAltName=DNS:books.example -keyout /etc/ssl/books.example.key -out /etc/ssl/books.example.pem 2>>"$work/nginx.log"
  read_block DEPLOYMENT.md 'A reverse proxy with TLS' proxy_pass nginx >"$machine/etc/nginx/conf.d/mamcrawler.conf"
  # The chapter's other block is part of a server.
  { echo 'server { listen 127.0.0.1:8080;'; read_block DEPLOYMENT.md 'Below a path' proxy_pass nginx; echo '}'; } \
    >"$machine/etc/nginx/conf.d/path.conf"
  inside nginx -t >>"$work/nginx.log" 2>&1 || { cat "$work/nginx.log" >&2; return 1; }
  inside systemctl restart nginx
  read_block DEPLOYMENT.md 'A reverse proxy with TLS' MAMCRAWLER_TRUSTED_PROXIES >>"$machine/etc/mamcrawler/environment"
  inside systemctl restart mamcrawler
  until_true 60 "mamcrawler through nginx" is_ready_by_proxy
  [ "$(ask_proxy /health/ready --write-out '%{http_version}' --output /dev/null)" = 2 ]
  ask_proxy /api/v1/auth/login --interface 127.0.0.2 --data '{"username":"anna","password":"not hers at all"}' \
    -H 'Content-Type: application/json' >/dev/null 2>&1 && return 1
  [ "$(inside runuser -u postgres -- psql -qtA mamcrawler -c "SELECT address FROM audit_log WHERE action = 'login_refused' ORDER BY at DESC LIMIT 1")" = 127.0.0.2 ]
}

is_ready_by_proxy() { ask_proxy /health/ready --output /dev/null 2>/dev/null; }

ask_proxy() { # path, option...
  inside curl -fsS --cacert /etc/ssl/books.example.pem --resolve books.example:443:127.0.0.1 "https://books.example$1" "${@:2}"
}

"$root/ops/make-archive.sh" "$work/archive"
began=$(now)
timed "a fresh Debian 12" make_machine
timed "fetch its packages" fetch_packages
timed "boot it" boot
follow_document
timed "the first admin" set_up
timed "Prometheus scrapes it, all alerts are loaded" until_true 90 "Prometheus (see targets and rules)" is_monitored
timed "back up by the job" run_job backup
timed "restore test of the newest backup" run_job test_restore
restored=$(text_of sentence <"$work/run")
# Both stay: the one that was tested, and the newest.
timed "back up by the command" back_up
timed "Prometheus knows both" knows_backups
timed "doctor" examine
took=$((($(now) - began) / 1000000000))
timed "a worker as the document says" add_worker
timed "upgrade as the document says" upgrade
timed "kill -9: it comes back" kill_server
timed "the database is lost: back as the document says" recover
timed "reboot: it comes back, monitored" reboot
timed "nginx as the document says" serve_by_proxy
echo "restore test: $restored"
echo "doctor: $(cut -d' ' -f1 "$work/doctor" | sort | uniq -c | sed 's/^ *//' | paste -sd, | sed 's/,/, /g')"
echo "From nothing to running, monitored and backed up: $took s."
[ "$took" -le "$limit" ] || { echo "That is more than $limit s." >&2; exit 1; }

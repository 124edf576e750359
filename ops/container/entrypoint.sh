#!/bin/sh
# Starts mamcrawler as who the container runs as. Started as root, it becomes PUID:PGID first, as images of this world do.
set -eu

umask "${UMASK:-022}"
data=${MAMCRAWLER_DATA_DIR:-/data}
if [ "$(id -u)" -ne 0 ]; then
  if [ -n "${PUID:-}" ] && [ "$PUID" != "$(id -u)" ]; then
    echo "PUID is $PUID, but the container runs as $(id -u). Set user: \"$PUID:${PGID:-$PUID}\" in compose.yaml, or start it as root." >&2
    exit 1
  fi
  if ! [ -w "$data" ]; then
    echo "$data can't be written by $(id -u):$(id -g). On the host, run: chown -R $(id -u):$(id -g) <the folder mounted there>" >&2
    exit 1
  fi
  exec mamcrawler "$@"
fi

owner=${PUID:-1000}:${PGID:-${PUID:-1000}}
case $owner in
  0:* | *:0) echo "mamcrawler does not run as root. Set PUID and PGID to who owns your library." >&2; exit 1 ;;
esac
become="setpriv --reuid=${owner%:*} --regid=${owner#*:} --clear-groups --no-new-privs"
if ! $become true >/dev/null 2>&1; then
  echo "The container was started as root, but without the right to become $owner. Set PUID and PGID in .env to who owns your library." >&2
  exit 1
fi
# Only what is new or was made by another PUID; the library's folders are never touched.
[ "$(stat -c %u:%g "$data")" = "$owner" ] || chown -R "$owner" "$data"
exec $become mamcrawler "$@"

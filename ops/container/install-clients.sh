#!/bin/sh
# Puts pg_dump and pg_restore of these versions of PostgreSQL, and the libpq that they need, below /client.
#
#   install-clients.sh 14 15 16      from the PostgreSQL project's repository, whose key Debian's postgresql-common has
#   install-clients.sh               Debian's one version, where that repository can't be reached
set -eu

apt-get update
if [ $# -eq 0 ]; then
  apt-get install -y --no-install-recommends postgresql-client
else
  apt-get install -y --no-install-recommends ca-certificates postgresql-common
  /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y
  packages=
  for version; do
    if apt-cache show "postgresql-client-$version" >/dev/null 2>&1; then
      packages="$packages postgresql-client-$version"
    else
      # It keeps no version that is out of support for long.
      echo "The repository has no PostgreSQL $version any more, so it is left out." >&2
    fi
    newest=$version
  done
  case $packages in
    *"-$newest") ;;
    *) echo "The repository has no PostgreSQL $newest." >&2; exit 1 ;;
  esac
  # shellcheck disable=SC2086 # several words
  apt-get install -y --no-install-recommends $packages
fi

for directory in /usr/lib/postgresql/*/bin; do
  mkdir -p "/client$directory"
  cp "$directory/pg_dump" "$directory/pg_restore" "/client$directory/"
  "/client$directory/pg_dump" --version
done
mkdir -p /client/usr/local/lib
cp -a /usr/lib/*/libpq.so.5* /client/usr/local/lib/

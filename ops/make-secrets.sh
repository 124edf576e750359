#!/usr/bin/env bash
# Makes the secrets that compose.yaml mounts; those that are there stay. Keep a copy apart from your backups: without the
# encryption key, stored passwords of your services can't be read.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p secrets
chmod 700 secrets
# The container's user reads them, who may be another one than you; the folder keeps everybody else out.
umask 033
make_secret() { # name, command...
  [ -s "secrets/$1" ] || { "${@:2}" >"secrets/$1"; echo "made secrets/$1"; }
}
make_secret encryption_key openssl rand -base64 32
make_secret signing_key openssl rand -base64 32
make_secret database_password openssl rand -hex 24
make_secret database_url printf 'postgres://mamcrawler:%s@postgres/mamcrawler' "$(cat secrets/database_password)"

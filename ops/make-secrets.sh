#!/usr/bin/env bash
# Makes secrets; those that are there stay. Keep a copy apart from your backups: without the encryption key, stored passwords of your
# services can't be read.
#
#   ops/make-secrets.sh                    those that compose.yaml mounts, into secrets/
#   ops/make-secrets.sh directory user     the two keys alone, for a program that runs as this user; as root
set -euo pipefail

make_secret() { # name, command...
  [ -s "$directory/$1" ] || { "${@:2}" >"$directory/$1"; echo "made $directory/$1"; }
}

if [ $# -eq 2 ]; then
  directory=$1
  umask 077
  mkdir -p "$directory"
  make_secret encryption openssl rand -base64 32
  make_secret signing openssl rand -base64 32
  chown "$2": "$directory" "$directory/encryption" "$directory/signing"
  exit
fi
[ $# -eq 0 ] || { sed -n 's/^#   //p' "$0" >&2; exit 2; }

cd "$(dirname "$0")/.."
directory=secrets
mkdir -p "$directory"
chmod 700 "$directory"
# The container's user reads them, who may be another one than you; the folder keeps everybody else out.
umask 033
make_secret encryption_key openssl rand -base64 32
make_secret signing_key openssl rand -base64 32
make_secret database_password openssl rand -hex 24
make_secret database_url printf 'postgres://mamcrawler:%s@postgres/mamcrawler' "$(cat secrets/database_password)"

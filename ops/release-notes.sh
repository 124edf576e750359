#!/bin/sh
# Prints the changelog's part about a version; fails when there is none, or when the program says that it is another version.
#
#   ops/release-notes.sh 1.2.3
set -eu
cd "$(dirname "$0")/.."

version=$1
grep -qx "version = \"$version\"" Cargo.toml || { echo "Cargo.toml says another version than $version." >&2; exit 1; }
notes=$(awk -v heading="## [$version]" '/^## /{ shown = index($0, heading) == 1; next } shown' CHANGELOG.md)
[ -n "$(printf %s "$notes" | tr -d '[:space:]')" ] || { echo "CHANGELOG.md says nothing under \"## [$version]\"." >&2; exit 1; }
printf '%s\n' "$notes"

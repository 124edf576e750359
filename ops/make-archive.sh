#!/usr/bin/env bash
# Packs what an installation without containers needs into <directory>/mamcrawler-<version>-x86_64-linux.tar.gz, with its SHA-256
# beside it: program, site, systemd units, Prometheus, Grafana and the documents; compose.yaml for a published image. Builds nothing.
#
#   ops/make-archive.sh [directory]      PROGRAM and SITE name others than those of `cargo build --release` and `cargo xtask site`
#
# The program runs where glibc is as new as on the machine that built it: a release takes it out of the image, which is Debian 12.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

program=${PROGRAM:-$target_dir/release/mamcrawler}
site=${SITE:-$root/target/site}
directory=${1:-$target_dir/archive}
[ -x "$program" ] || { echo "There is no $program. Build it first: cargo build --release -p server" >&2; exit 1; }
[ -d "$site/pkg" ] || { echo "There is no $site/pkg. Build it first: cargo xtask site" >&2; exit 1; }
[ "$(uname -sm)" = "Linux x86_64" ] || { echo "The archive's name says x86_64-linux, this is $(uname -sm)." >&2; exit 1; }

version=$("$program" --version | cut -d' ' -f2)
name=mamcrawler-$version-x86_64-linux
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

install -D -m 755 "$program" "$work/$name/mamcrawler"
# Names for a debugger are most of an unstripped program.
strip "$work/$name/mamcrawler"
cp -r "$site" "$work/$name/site"
# Where a checkout has them, so that what the documents name is there.
cp --parents -r README.md CHANGELOG.md docs compose.yaml ops/compose.example.yaml ops/make-secrets.sh ops/systemd ops/prometheus ops/grafana "$work/$name/"
chmod -R u=rwX,go=rX "$work/$name"

mkdir -p "$directory"
# The same input makes the same archive.
made=$(git log -1 --format=%ct 2>/dev/null || date +%s)
tar --create --directory "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$made" "$name" |
  gzip --no-name -9 >"$directory/$name.tar.gz"
(cd "$directory" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
echo "$directory/$name.tar.gz ($(du -h "$directory/$name.tar.gz" | cut -f1)B)"

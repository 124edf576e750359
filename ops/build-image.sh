#!/usr/bin/env bash
# Builds the image where there is no Docker: buildah in a chroot, on bases that debootstrap makes. Prints the image's size.
#
#   ops/build-image.sh [directory]   as root; the bases and the image stay there, 8 GB. Default: a directory below /var/tmp
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

[ "$(id -u)" -eq 0 ] || { echo "debootstrap and a chroot need root." >&2; exit 1; }
for tool in buildah debootstrap; do
  command -v "$tool" >/dev/null || { echo "$tool is missing: apt-get install --no-install-recommends buildah debootstrap" >&2; exit 1; }
done
work=${1:-/var/tmp/mamcrawler-image}
mkdir -p "$work"
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
store=(--root "$work/store" --runroot "$work/run")

# A base from a root directory, unless it is there.
make_base() { # name, directory
  buildah "${store[@]}" inspect --type image "$1" >/dev/null 2>&1 && return
  local container
  container=$(buildah "${store[@]}" from scratch)
  buildah "${store[@]}" add --quiet "$container" "$2" / >/dev/null
  # The root directory's own environment, as the images that these stand for have it.
  buildah "${store[@]}" config --env PATH=/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    --env RUSTUP_HOME=/usr/local/rustup --env CARGO_HOME=/usr/local/cargo "$container"
  buildah "${store[@]}" commit --quiet --rm "$container" "$1" >/dev/null
}

if [ ! -e "$work/run-base/etc/debian_version" ]; then
  debootstrap --variant=minbase bookworm "$work/run-base" >"$work/debootstrap.log"
  rm -rf "$work"/run-base/var/cache/apt/archives/*.deb "$work"/run-base/var/lib/apt/lists/*
  printf 'deb http://deb.debian.org/debian bookworm main\ndeb http://deb.debian.org/debian-security bookworm-security main\n' \
    >"$work/run-base/etc/apt/sources.list"
  # As Debian's slim image: no manuals, no translations.
  rm -rf "$work"/run-base/usr/share/{man,doc,locale,info}/*
fi
make_base localhost/mamcrawler-run-base "$work/run-base"

if [ ! -e "$work/build-base/usr/local/rustup" ]; then
  cp -a "$work/run-base" "$work/build-base"
  chroot "$work/build-base" sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends build-essential ca-certificates' >/dev/null
  # What this machine's network is trusted by: a network that reads along has an authority of its own. The image gets none of it.
  if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
    cp /usr/local/share/ca-certificates/*.crt "$work/build-base/usr/local/share/ca-certificates/"
    chroot "$work/build-base" update-ca-certificates >/dev/null 2>&1
  fi
  sysroot=$(rustc --print sysroot)
  mkdir -p "$work/build-base/usr/local/rustup/toolchains" "$work/build-base/usr/local/cargo/bin"
  cp -a "$sysroot" "$work/build-base/usr/local/rustup/toolchains/"
  for program in cargo rustc rustdoc; do
    ln -s "/usr/local/rustup/toolchains/$(basename "$sysroot")/bin/$program" "$work/build-base/usr/local/cargo/bin/$program"
  done
  # Stands in for rustup, which the toolchain alone does not need.
  printf '#!/bin/sh\nls /usr/local/rustup/toolchains/*/lib/rustlib\n' >"$work/build-base/usr/local/cargo/bin/rustup"
  chmod +x "$work/build-base/usr/local/cargo/bin/rustup"
fi
make_base localhost/mamcrawler-build-base "$work/build-base"

clients=()
if ! curl --silent --show-error --fail --head --max-time 20 https://apt.postgresql.org >/dev/null; then
  echo "apt.postgresql.org can't be reached: the image gets Debian's version of pg_dump only." >&2
  clients=(--build-arg POSTGRES_CLIENTS=)
fi
buildah "${store[@]}" bud --format docker --layers --network host --tag mamcrawler \
  --build-arg BUILD_BASE=localhost/mamcrawler-build-base --build-arg RUN_BASE=localhost/mamcrawler-run-base "${clients[@]}" .
buildah "${store[@]}" images mamcrawler
rm -rf "$work/image"
mkdir "$work/image"
mounted=$(buildah "${store[@]}" mount "$(buildah "${store[@]}" from mamcrawler)")
echo "what is in it, in MB:"
du -xsm "$mounted" | cut -f1
du -xm -d2 "$mounted/usr" | sort -rn | sed -n 1,8p

#!/usr/bin/env bash
# Installs what building, running and testing need and this machine lacks. Says what it does; asks before sudo.
# usage: ops/install-tools.sh run|demo|test
set -euo pipefail

purpose=${1:?usage: ops/install-tools.sh run|demo|test}
packages=()

need() { # command, package
  command -v "$1" >/dev/null 2>&1 || packages+=("$2")
}

# The least that end2end/package-lock.json asks for.
least_node=20.18.1

# Of the one that is here, or that apt-get would bring; nothing when that is not known.
node_version() {
  if command -v node >/dev/null 2>&1; then
    node --version | tr -d v
  else
    apt-cache policy nodejs 2>/dev/null | sed -n 's/^  Candidate: \([0-9].*\)/\1/p'
  fi
}

refuse_old_node() {
  local version
  version=$(node_version)
  [ -n "$version" ] || return 0
  printf '%s\n' "$least_node" "$version" | sort --version-sort --check=quiet ||
    { echo "The tests need Node.js $least_node or newer, with npm, and this would be $version. Install it from https://nodejs.org, then run this again." >&2; exit 1; }
}

# Ubuntu's package of this name is only a pointer to a snap.
refuse_missing_chromium() {
  if ! grep -qx 'ID=ubuntu' /etc/os-release || command -v chromium >/dev/null 2>&1; then return 0; fi
  echo "Ubuntu has no package of Chromium. Install Chrome or Chromium, then run this again with CHROMIUM=<its program>." >&2
  exit 1
}

has_postgres() {
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && compgen -G '/usr/share/postgresql/*/extension/pg_trgm.control' >/dev/null
}

command -v cargo >/dev/null 2>&1 || { echo "cargo is missing. Install Rust 1.95 or newer from https://rustup.rs, then run this again." >&2; exit 1; }

need cc build-essential
need curl curl
[ -n "${DATABASE_URL:-}" ] && [ "$purpose" != test ] || has_postgres || packages+=(postgresql)
need ffmpeg ffmpeg
if [ "$purpose" != run ]; then
  need qbittorrent-nox qbittorrent-nox
fi
if [ "$purpose" = test ]; then
  refuse_old_node
  need psql postgresql-client
  [ -n "${CHROMIUM:-}" ] || { refuse_missing_chromium; need chromium chromium; }
  need node nodejs
  need npm npm
  need promtool prometheus
  python3 -c 'import venv, ensurepip' 2>/dev/null || packages+=(python3-venv)
  [ -e /usr/share/fonts/opentype/noto ] || packages+=(fonts-noto-cjk)
  [ -e /usr/share/fonts/truetype/dejavu ] || packages+=(fonts-dejavu-core)
fi

if [ ${#packages[@]} -gt 0 ]; then
  command -v apt-get >/dev/null 2>&1 || { echo "Install these with your package manager, then run this again: ${packages[*]}" >&2; exit 1; }
  echo "Installing with apt-get: ${packages[*]}"
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || { echo "Run as root: apt-get install --no-install-recommends ${packages[*]}" >&2; exit 1; }
    if [ "${ASSUME_YES:-0}" != 1 ]; then
      read -r -p "This needs sudo. Go on? [y/N] " answer </dev/tty || { echo "No terminal to ask on; set ASSUME_YES=1 to allow sudo." >&2; exit 1; }
      [[ $answer =~ ^[Yy] ]] || { echo "Nothing was installed." >&2; exit 1; }
    fi
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
  # The package starts a Prometheus of its own; tests start theirs.
  if [[ " ${packages[*]} " == *" prometheus "* ]] && [ -d /run/systemd/system ]; then
    "${as_root[@]}" systemctl disable --quiet --now prometheus
  fi
fi

# The lists of packages may have been too old to tell.
[ "$purpose" != test ] || refuse_old_node

sysroot=$(rustc --print sysroot)
if [ ! -d "$sysroot/lib/rustlib/wasm32-unknown-unknown" ]; then
  echo "Adding the Rust target for the browser."
  rustup target add wasm32-unknown-unknown
fi

if [ "$purpose" = test ]; then
  if ! compgen -G "$sysroot/lib/rustlib/*/bin/llvm-profdata" >/dev/null; then
    echo "Adding the tools that measure coverage."
    rustup component add llvm-tools
  fi
  command -v cargo-llvm-cov >/dev/null 2>&1 || cargo install --quiet --locked cargo-llvm-cov --version 0.9.1
  command -v cargo-deny >/dev/null 2>&1 || cargo install --quiet --locked cargo-deny --version 0.20.2
fi

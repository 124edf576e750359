#!/usr/bin/env bash
# Every check: format, invariants, lints, the browser's build, all tests on real parts, coverage.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

began=$SECONDS
step() {
  printf '\n== %s (%d s)\n' "$1" $((SECONDS - began))
}

step "tools"
# Tests say little of what a full disk is the reason for.
mkdir -p "$target_dir"
for folder in "$target_dir" "${TMPDIR:-/tmp}"; do
  free_gib=$(df --output=avail --block-size=1G "$folder" | tail -n 1 | tr -d ' ')
  [ "$free_gib" -ge 5 ] || { echo "Only $free_gib GiB are free at $folder, and the tests need 5. Make room, then run this again." >&2; exit 1; }
done
ops/install-tools.sh test
# The browser tests expect words of it.
"${CHROMIUM:-chromium}" --version
(cd end2end && npm ci --no-audit --no-fund --loglevel=error)

step "supply chain"
ops/supply-chain.sh

step "format"
cargo fmt --all --check
node ops/check-workflows.mjs

# Build scripts' and the wrapper's view of the sources differ from a plain build's: a directory of its own.
export CARGO_TARGET_DIR="$target_dir/checked"

step "invariants"
cargo xtask gates
cargo test --quiet -p xtask

step "lints"
cargo clippy --quiet --workspace --exclude frontend --all-targets -- -D warnings
cargo clippy --quiet -p frontend --target wasm32-unknown-unknown -- -D warnings

step "browser build"
cargo check --quiet -p domain --target wasm32-unknown-unknown
cargo xtask site
cargo xtask size-budget

# From here on, our own crates count which lines run.
eval "$(cargo llvm-cov show-env --sh 2>/dev/null)"
cargo llvm-cov clean --profraw-only

step "build of the tests"
programs="$CARGO_TARGET_DIR/programs.json"
cargo build --quiet -p sandbox --message-format=json-render-diagnostics >"$programs"
# Builds the server's program too, as its integration tests start it.
cargo test --quiet --no-run --workspace --exclude frontend --exclude xtask --tests \
  --message-format=json-render-diagnostics >>"$programs"
node ops/drop-stale-programs.mjs "$CARGO_TARGET_DIR/debug/deps" "$programs"

step "Rust tests"
# Property tests try the same cases each time, so that a failure is the change's; see docs/DEVELOPMENT.md for others.
PROPTEST_RNG_SEED=1 cargo test --workspace --exclude frontend --exclude xtask --tests

step "browser tests"
# The client of a program, generated from the API's document, has to fit it.
(cd end2end && npm run --silent client && MAMCRAWLER_TARGET="$CARGO_TARGET_DIR/debug" npx playwright test)

step "made-up requests to the API"
# The same requests each time, so that a failure is the change's. Other seeds are for `ops/schemathesis.sh` by hand.
SCHEMATHESIS_SEED=1 ops/schemathesis.sh

step "drill"
ops/drill.sh

step "load and soak"
# An unoptimised program beside whatever else runs: that answers are right and nothing grows counts here, not how fast they are.
# How fast is judged by `make load`.
# A minute is too short to see a slow leak, and mostly warming up: memory is judged closely by `make soak`.
PROGRAM="$CARGO_TARGET_DIR/debug/mamcrawler" LOAD_RATE=5 LOAD_SECONDS=40 LOAD_RAMP="" LOAD_P95_MS=5000 LOAD_P99_MS=9000 \
  SOAK_RATE=5 SOAK_SECONDS=60 SOAK_MORE_MB=16 ops/load.sh load soak

step "coverage"
# A process that was killed while it wrote its profile leaves one that counts for nothing.
cargo llvm-cov report --failure-mode all --json --summary-only --output-path "$CARGO_TARGET_DIR/coverage.json"
node ops/coverage.mjs "$CARGO_TARGET_DIR/coverage.json"

step "done"

#!/usr/bin/env bash
# Throws made-up input at each parser that meets bytes of strangers, guided by the code it reaches.
#
#   ops/fuzz.sh [seconds] [target ...]   60 seconds for each target, unless told otherwise
#
# Needs cargo-fuzz and takes its time, so that it is no part of `make test`, which runs the same checks (`crates/fuzz-checks`)
# over the seeds and a fixed number of damaged ones. What it finds lies in `fuzz/artifacts`; what it learned, in
# `fuzz/corpus`. A finding becomes a test beside its parser.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root/fuzz"

seconds=${1:-60}
shift || true
if ! cargo fuzz --version >/dev/null 2>&1; then
  echo "fuzzing needs cargo-fuzz: cargo install --locked cargo-fuzz" >&2
  exit 1
fi

# cargo-fuzz sets flags of the nightly compiler; so told, the stable one takes them too.
export RUSTC_BOOTSTRAP=1
# Our own code has no unsafe block, so that an address sanitizer would only slow it down.
options=(--sanitizer none)
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  mapfile -t targets < <(cargo fuzz list)
fi
cargo fuzz build "${options[@]}"
failed=()
for target in "${targets[@]}"; do
  mkdir -p "corpus/$target"
  printf '\n== %s\n' "$target"
  # One input may take 10 seconds and 2 GB at most.
  cargo fuzz run "${options[@]}" "$target" "corpus/$target" "seeds/$target" -- \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 -verbosity=0 ||
    failed+=("$target")
done
if [ ${#failed[@]} -gt 0 ]; then
  echo "found something in: ${failed[*]}; see fuzz/artifacts" >&2
  exit 1
fi

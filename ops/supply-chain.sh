#!/usr/bin/env bash
# What we depend on and what we must not publish: licences, sources and bans, known vulnerabilities, secrets in the tree or its history.
#
# Known vulnerabilities and withdrawn versions only fail with SUPPLY_CHAIN_STRICT=1, as each day and before a release: they come
# from a list that others add to, and what passed yesterday must pass today. Else they are printed.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

# Licences stand in the packages, and a new machine has none of these yet.
fetch_packages() { cargo fetch --quiet --locked; }
fetch_packages || { sleep 5; fetch_packages; } || { sleep 20; fetch_packages; }
cargo deny --offline --log-level error check bans licenses sources

# The advisories are in a Git repository that a closed network does not reach.
check_advisories() {
  if ! cargo deny --log-level error fetch db >/dev/null 2>&1; then
    echo "advisories were NOT checked: their database can't be reached from here"
    return 1
  fi
  cargo deny --offline --log-level error check advisories && return
  echo "THERE ARE ADVISORIES against what we depend on: see above. Update it, or write into deny.toml why it does not concern us."
  return 1
}
check_advisories || [ "${SUPPLY_CHAIN_STRICT:-0}" != 1 ]

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
secretlint() { (cd end2end && npx --no-install secretlint --no-color --secretlintrc .secretlintrc.json "$1/**/*"); }

# A scan that finds nothing must be one that could have.
mkdir "$work/planted"
printf 'mam_id=%s\n' "$(printf 'a%.0s' {1..80})" >"$work/planted/session"
found=$(secretlint "$work/planted" 2>&1 || true)
if ! grep -q '1 problem (1 error' <<<"$found"; then
  echo "the secret scan did not find a planted secret" >&2
  exit 1
fi

# Every version that any commit up to here held, and what is not committed yet.
mkdir "$work/history" "$work/tree"
git rev-list --objects HEAD --filter=object:type=blob --filter-provided-objects | cut -d' ' -f1 | sort -u |
  git cat-file --batch-check='%(objecttype) %(objectname)' | awk '$1 == "blob" {print $2}' |
  while read -r blob; do git cat-file blob "$blob" >"$work/history/$blob.txt"; done
git ls-files -z --others --exclude-standard --cached | while IFS= read -r -d '' file; do
  [ -f "$file" ] && install -D -m 600 "$file" "$work/tree/$file"
done
secretlint "$work/history"
secretlint "$work/tree"
echo "no secret in $(find "$work/history" -type f | wc -l) versions of the history's files and $(find "$work/tree" -type f | wc -l) files of the tree"

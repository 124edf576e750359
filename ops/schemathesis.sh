#!/usr/bin/env bash
# Throws made-up requests at the JSON API and compares every answer with the OpenAPI document.
#
# Starts a server of its own, with things in it to be found, and ends it. SCHEMATHESIS_SEED repeats a run's requests;
# SCHEMATHESIS_EXAMPLES says how many a kind are tried (8).
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

ensure_python_tool schemathesis schemathesis

# A key of the admin, and rows of every kind. Sets `key` and `own`, the ids that the run lives by.
fill_server() {
  local answer book=00000000-0000-0000-0000-000000000101 width
  answer=$(post keys "$access" '{"name":"schemathesis","scope":"admin","expires_in_days":1}')
  key=$(field secret <<<"$answer")
  own="$(field key id <<<"$answer"),$(field key user_id <<<"$answer")"
  fill_for_now server/tests/it/seed.sql ops/schemathesis.sql
  # The first book's cover is kept in every size; the second's would have to be fetched.
  mkdir -p "$scratch/data/covers/$book"
  for width in 120 240 400 800; do
    printf '\x89PNG\r\n\x1a\n' >"$scratch/data/covers/$book/$width-1.png"
  done
}

# The ids of the two files: 01 to 03 of a kind stay, 20 to 79 may be used up.
write_dictionaries() {
  local name kind
  echo '[dictionaries]'
  while read -r name kind; do
    echo "$name.values = [$(list_ids "$kind" 1 3)]"
    echo "spare_$name.values = [$(list_ids "$kind" 20 79)]"
  done <<<'books 1
authors 3
series 4
integrations 5
downloads 6
runs 8
wants 9
users 10
identities 11
searches 12
candidates 14
failures 15
sessions 20
keys 21'
  echo 'own_names.values = ["anna"]'
  echo "names.values = [$(seq -s, -f '"person.%g"' 60)]"
  echo "new_names.values = [$(seq -s, -f '"renamed.%g"' 60)]"
  echo 'kinds.values = ["torznab"]'
  # Nobody listens there.
  echo 'addresses.values = ["http://127.0.0.1:1"]'
  echo 'passwords.values = ["correct horse battery"]'
}

list_ids() { # kind, first, last
  seq -s, -f '"00000000-0000-0000-0000-%012.0f"' $(($1 * 100 + $2)) $(($1 * 100 + $3))
}

# The proxy that it trusts is this run, whose requests come from an address each: guesses have to wait by address.
export MAMCRAWLER_TRUSTED_PROXIES=127.0.0.1 MAMCRAWLER_MAM_SPACING_MS=1
start_for_now
fill_server
{ cat ops/schemathesis.toml; write_dictionaries; } >"$scratch/schemathesis.toml"
export SCHEMATHESIS_HOOKS="$root/ops/schemathesis_hooks.py" SCHEMATHESIS_ADDRESS="$address" SCHEMATHESIS_KEY="$key" \
  SCHEMATHESIS_OWN="$own" SCHEMATHESIS_ANSWERS="$scratch/answers.json" PYTHONDONTWRITEBYTECODE=1
failed=0
# It keeps a cache where it runs. One worker, as two would take turns in an order of their own.
(cd "$scratch" && timeout 600 "$target_dir/schemathesis/bin/schemathesis" --config-file schemathesis.toml run "$address/api/openapi.json" \
  --header "Authorization: Bearer $key" \
  --phases examples,coverage,fuzzing \
  --max-examples "${SCHEMATHESIS_EXAMPLES:-8}" \
  --generation-database none \
  --request-timeout 30 \
  --workers 1 \
  --continue-on-failure \
  ${SCHEMATHESIS_SEED:+--seed "$SCHEMATHESIS_SEED"}) || failed=1
curl --silent --fail --output "$scratch/openapi.json" "$address/api/openapi.json"
python3 ops/read-answers.py "$scratch/openapi.json" "$scratch/answers.json" || failed=1
exit "$failed"

#!/usr/bin/env bash
# Lets a scanner, signed in as an admin, look at all pages and at every operation of the OpenAPI document: what answers
# say of themselves, then attacks. Fails on what docs/SECURITY.md does not explain ("A scanner's view").
#
#   ops/scan.sh            everything, in about ten minutes
#   ops/scan.sh passive    without the attacks, in less than one
#
# SCAN_SECONDS bounds the exploration, and each kind of attack (60). The report lies in the target directory.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

modules=http_headers,csp,cookieflags,csrf,https_redirect,methods,redirect,crlf,backup
[ "${1:-}" = passive ] || modules+=,xss,permanentxss,sql,timesql,file,exec,ldap,shellshock,upload,xxe

ensure_python_tool wapiti3 wapiti
seconds=${SCAN_SECONDS:-60}
report="$target_dir/wapiti/report.json"
log="$target_dir/wapiti/scan.log"
# As behind a proxy with TLS; the scan brings a key and needs no cookie.
export MAMCRAWLER_SECURE_COOKIES=true
start_for_now
key=$(post keys "$access" '{"name":"scan","scope":"admin","expires_in_days":1,"requests_per_minute":10000}' | field secret)

# Left out: streams, which never end, and what would end the key. The scanner's own addresses are on loopback, where
# nobody answers, so that no attack makes the server ask anybody outside.
excluded=()
for path in events api/v1/events sfn/logout sfn/revoke_key sfn/rotate_key 'api/v1/keys/*' sfn/set_user_active \
  sfn/delete_user; do
  excluded+=(--exclude "$address/$path")
done
rm -f "$report"
"$target_dir/wapiti/bin/wapiti" --url "$address/" --scope domain --swagger "$address/api/openapi.json" \
  --header "Authorization: Bearer $key" --module "$modules" --level 1 \
  --max-scan-time "$seconds" --max-attack-time "$seconds" --timeout 10 --tasks 8 \
  --endpoint http://127.0.0.1:9/ --dns-endpoint localhost --no-bugreport --flush-session --verbose 1 \
  --store-session "$scratch/session" --store-config "$target_dir/wapiti/config" \
  "${excluded[@]}" --format json --output "$report" >"$log" 2>&1 || { tail -30 "$log"; exit 1; }

# Who is refused everywhere finds nothing: the key has to be as good as it was.
curl --silent --fail --output /dev/null -H "Authorization: Bearer $key" "$address/api/v1/auth/me" ||
  { echo "The scan lost its key, so what it did not find says nothing."; exit 1; }
python3 ops/read-scan.py "$report"

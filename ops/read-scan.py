"""Prints what a scan found, by kind, and fails on what docs/SECURITY.md does not explain: read-scan.py REPORT"""

import json
import pathlib
import sys

# Fewer, and the scan saw too little to say anything: the pages, their forms and the operations are more.
LEAST_REQUESTS = 100
# What "A scanner's view" explains: the kind, and the words of the finding.
EXPLAINED = [
    ("Cross Site Request Forgery", "Lack of anti CSRF token"),
    ("Unencrypted Channels", "No HTTPS redirection"),
]
# Nothing here speaks LDAP. The day a library for it comes, its findings count.
if "ldap" not in pathlib.Path(__file__).resolve().parent.parent.joinpath("Cargo.lock").read_text(encoding="utf-8").lower():
    EXPLAINED.append(("LDAP Injection", "LDAP Injection via injection in the parameter "))


def is_explained(kind, finding):
    return any(kind == known and finding["info"].startswith(words) for known, words in EXPLAINED)


report = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
scanned = report["infos"]["crawled_pages_nbr"]
print(f"{scanned} addresses and forms were scanned; the report is {sys.argv[1]}")
has_failed = scanned < LEAST_REQUESTS
if has_failed:
    print(f"They are too few: there are at least {LEAST_REQUESTS}.")
for kind, findings in sorted((report["vulnerabilities"] | report["anomalies"]).items()):
    new = [finding for finding in findings if not is_explained(kind, finding)]
    if findings:
        print(f"{kind}: {len(findings)}, {len(new)} of them not explained")
    for finding in new[:20]:
        print(f"  {finding['method']} {finding['path']} {finding.get('parameter') or ''}: {finding['info']}")
    has_failed |= bool(new)
for kind, findings in sorted(report["additionals"].items()):
    if findings:
        print(f"for information: {kind}: {len(findings)}")
sys.exit(has_failed)

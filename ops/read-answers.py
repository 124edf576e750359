"""Prints how many of the made-up requests to each operation were carried out, and fails where none was, or where an answer
that the run provides for did not come.

    read-answers.py <openapi.json> <answers.json>

A request that is refused at the door tells nothing of what is behind it.
"""

import json
import sys

# What the server of the run can't do.
NEVER = {
    "complete_setup": "the server is set up",
    "confirm_split": "no torrent client holds a pack",
}
# Answers other than success that the run provides for: the second book's cover is in a library that is not connected.
ALSO = {"get_cover": "503"}


def main(document, answers):
    paths = json.load(open(document, encoding="utf-8"))["paths"]
    counts = json.load(open(answers, encoding="utf-8"))
    operations = {call["operationId"]: verb for path in paths.values() for verb, call in path.items() if "operationId" in call}
    failures = [f"{name}: unknown to the document" for name in NEVER if name not in operations]
    done = total = 0
    for name, verb in sorted(operations.items()):
        statuses = counts.get(name, {})
        carried_out = sum(count for status, count in statuses.items() if status.startswith("2"))
        done, total = done + carried_out, total + sum(statuses.values())
        line = ", ".join(f"{status} {statuses[status]} times" for status in sorted(statuses))
        print(f"{carried_out:5} of {sum(statuses.values()):4}  {verb:6} {name:22} {line or 'never asked'}")
        if (carried_out == 0) != (name in NEVER):
            reason = f"carried out, though {NEVER[name]}" if name in NEVER else "never carried out"
            failures.append(f"{name}: {reason} ({line or 'never asked'})")
        if name in ALSO and ALSO[name] not in statuses:
            failures.append(f"{name}: never answered with {ALSO[name]} ({line or 'never asked'})")
    print(f"{done:5} of {total:4}  carried out ({100 * done // max(total, 1)} %)")
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

#!/usr/bin/env bash
# Stops exactly what ops/up.sh started.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
stop server
stop sandbox

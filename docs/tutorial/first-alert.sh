#!/usr/bin/env bash
# The first alert: a real Prometheus and a real Alertmanager tell a running `make up` that a demo shop is down.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

make --no-print-directory system
if [[ ! -x .venv/bin/python ]]; then
  echo "first-alert: nothing is installed yet: run make up in another terminal, wait for \"ready\", and try again" >&2
  exit 1
fi
exec .venv/bin/python docs/tutorial/first_alert.py "$@"

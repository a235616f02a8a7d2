#!/usr/bin/env bash
# Says, all at once, what this machine lacks for the native stack. One line each, with what to install.
set -uo pipefail

missing=0
lacks() {
  echo "missing: $1" >&2
  missing=1
}
# at_least NAME FOUND WANTED HOW: FOUND is a major version, or empty.
at_least() {
  [[ "$2" =~ ^[0-9]+$ ]] && (($2 >= $3)) || lacks "$1 >= $3 (found: ${2:-none}): $4"
}

[[ "$(uname -s) $(uname -m)" == "Linux x86_64" ]] || lacks "Linux on x86-64 (found: $(uname -sm)): the native stack runs there only; elsewhere use Compose, see README.md"

python="${PYTHON:-python3}"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
  lacks "Python >= 3.11 (found: $("$python" -V 2>/dev/null || echo none)): apt-get install python3 python3-venv, or name another one with PYTHON=..."
"$python" -c 'import ensurepip, venv' 2>/dev/null || lacks "Python's venv module: apt-get install python3-venv"

at_least Node "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null)" 20 "install it from your distribution or nodejs.org"
at_least Java "$(java -version 2>&1 | sed -n '1s/.*version "\([0-9]*\).*/\1/p')" 17 "apt-get install openjdk-17-jre-headless"
command -v mvn >/dev/null || lacks "Maven: apt-get install maven"

exit "$missing"

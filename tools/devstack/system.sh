#!/usr/bin/env bash
# Installs the Debian packages that the tutorial and some tests run by themselves. Their system services are neither started nor enabled.
set -euo pipefail

declare -A package_of=([prometheus]=prometheus [promtool]=prometheus [prometheus-alertmanager]=prometheus-alertmanager)
packages=()
for program in "${!package_of[@]}"; do
  command -v "$program" >/dev/null || packages+=("${package_of[$program]}")
done
((${#packages[@]})) || exit 0
mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)

if [[ "$(id -u)" != 0 ]] || ! command -v apt-get >/dev/null; then
  echo "missing: ${packages[*]}: run this as root, then try again: apt-get install -y --no-install-recommends ${packages[*]}" >&2
  exit 1
fi

echo "system: installing ${packages[*]}"
# Debian starts a service as soon as it is installed, unless this file says no.
policy=/usr/sbin/policy-rc.d
if [[ ! -e "$policy" ]]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
install=(apt-get install -y -qq --no-install-recommends "${packages[@]}")
log=$(mktemp)
if ! "${install[@]}" >"$log" 2>&1 </dev/null && ! { apt-get update -qq && "${install[@]}"; } >>"$log" 2>&1 </dev/null; then
  tail -n 20 "$log" >&2
  echo "system: apt-get could not install ${packages[*]}: see the lines above, and try again" >&2
  exit 1
fi
rm -f "$log"
if [[ -d /run/systemd/system ]]; then
  systemctl disable --quiet "${packages[@]}" 2>/dev/null || true
fi

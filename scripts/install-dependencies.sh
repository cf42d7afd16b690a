#!/bin/sh
# Installs the Debian packages of scripts/debian-packages.txt that are missing. Says nothing when all are there.
# As root, or with sudo; without either it prints the command that somebody who may should run.
set -eu
list=$(dirname "$0")/debian-packages.txt

say() { echo "dependencies: $*" >&2; }

if ! command -v dpkg-query >/dev/null; then
  say "this system has no dpkg. Install what stands in $list by its own means, then build as docs/contributing.md says."
  exit 1
fi

# One argument a line of the list: "a|b" where either will do.
wanted=$(sed 's/#.*//; s/[[:space:]]*|[[:space:]]*/|/g' "$list" | xargs)
# dpkg-query fails when it does not know a name, and lists the others all the same. One argument a package, so unquoted.
# shellcheck disable=SC2086
installed=" $(dpkg-query -W -f '${db:Status-Abbrev}|${Package}\n' $(echo "$wanted" | tr '|' ' ') 2>/dev/null | sed -n 's/^.i.*|//p' | xargs) "
missing=
for packages in $wanted; do
  found=
  for package in $(echo "$packages" | tr '|' ' '); do
    case $installed in
      *" $package "*) found=yes ;;
    esac
  done
  [ -n "$found" ] || missing="$missing ${packages%%|*}"
done
[ -n "$missing" ] || exit 0
say "missing:$missing"

if [ "$(id -u)" = 0 ]; then
  as_root=
elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
  as_root=sudo
else
  say "not root, and no sudo. Have somebody who may run:"
  say "  apt-get update && apt-get install -y --no-install-recommends$missing"
  exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Runs apt-get; shows one short line for every 25 packages that it unpacks or sets up, and its whole log if it fails.
apt() {
  : >"$log"
  {
    status=0
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -o Dpkg::Use-Pty=0 "$@" 2>&1 || status=$?
    echo "apt-get ended with $status"
  } | {
    steps=0
    while IFS= read -r line; do
      echo "$line" >>"$log"
      case $line in
        Unpacking* | "Setting up"*)
          steps=$((steps + 1))
          [ $((steps % 25)) != 0 ] || say "  $steps steps, now: ${line%% (*}"
          ;;
      esac
    done
  }
  if [ "$(tail -n 1 "$log")" != "apt-get ended with 0" ]; then
    cat "$log" >&2
    say "apt-get $1 failed"
    exit 1
  fi
}

say "reading the package lists"
apt update
say "installing"
# One argument a package.
# shellcheck disable=SC2086
apt install --no-install-recommends $missing
say "done"

#!/bin/sh
# Seeds of the simulation and long tests of real processes, in turn, until one fails or the time is over: soak.sh [MINUTES].
set -eu
cd "$(dirname "$0")/.."
minutes=${1:-60}
end=$(($(date +%s) + minutes * 60))
first=$(date +%s)000
while [ "$(date +%s)" -lt "$end" ]; do
  build/dev/bin/stethos-simulation --first "$first" --seeds 500
  first=$((first + 500))
  [ "$(date +%s)" -lt "$end" ] || break
  STETHOS_SEED=$first /usr/bin/python3 -m pytest tests/system -m slow -k "killed or everything"
done
echo "soak: $minutes minutes without a failure"

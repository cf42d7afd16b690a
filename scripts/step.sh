#!/bin/sh
# Runs one step of a verb and says how long it took: step.sh NAME COMMAND [ARGUMENT...]. Exits as the command did.
# Where STETHOS_STEPS names a file, the line is added to it as well; .ci/run shows them together at its end.
set -u
name=$1
shift
begun=$(date +%s)
status=0
"$@" || status=$?
line="step $name: $(($(date +%s) - begun)) s"
[ "$status" = 0 ] || line="$line, failed"
echo "$line"
[ -z "${STETHOS_STEPS:-}" ] || echo "$line" >>"$STETHOS_STEPS"
exit "$status"

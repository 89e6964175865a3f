# shellcheck shell=sh disable=SC1091
# does: whether TMPDIR can be written to and programs there start; else TMPDIR moves into the scratch directory
# stage: 1
# deadline: 10
# class: limited
# owner: site
. "$APF_LIB/check.sh"
place=${TMPDIR:-/tmp}
file=$place/apf-try.$$
if ! (printf '#!/bin/sh\nexit 7\n' >"$file") 2>/dev/null; then
    tell tmp bad
    limited "$place cannot be written to: TMPDIR is moved"
fi
chmod 700 "$file"
"$file" 2>/dev/null
code=$?
rm -f "$file"
if [ $code -ne 7 ]; then
    tell tmp bad
    limited "programs in $place do not start: TMPDIR is moved"
fi
tell tmp ok

# shellcheck shell=sh disable=SC1091,SC2034
# For checks that want it: `. "$APF_LIB/check.sh"`.  A check need not use this: its contract is in docs/wrapper.md.
set -u
. "$APF_LIB/base.sh"
. "$APF_LIB/probe.sh"
facts=$1

tell() { printf '%s=%s\n' "$1" "$2"; } # KEY VALUE: a fact
# Shells end with 1 and 2 at their own errors, so results have codes of their own: whatever else a check ends with
# says that the check is broken, which closes no node.
limited() { echo "$*" >&2; exit 41; }
fatal() { echo "$*" >&2; exit 42; }
broken() { echo "$*" >&2; exit 43; }

known() { # KEY [DEFAULT]: what an earlier check found
    if [ -f "$facts/$1" ]; then sed 1q "$facts/$1"; else printf '%s\n' "${2-}"; fi
}

whole() { case ${1-} in '' | *[!0-9]* | ????????????????*) return 1 ;; esac; } # VALUE: a whole number we can count with

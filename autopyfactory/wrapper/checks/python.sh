# shellcheck shell=sh disable=SC1091
# does: finds Python 3.6 or newer that starts
# stage: 1
# deadline: 15
# class: limited
# owner: site
# hold: yes
. "$APF_LIB/check.sh"
program=${APF_WRAPPER_PYTHON:-$(command -v python3)}
[ -n "$program" ] || fatal "no python3"
version=$("$program" -c 'import sys, ssl, json; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) ||
    fatal "$program does not start, or lacks ssl"
tell python "$version"
case $version in 2.* | 3.[0-5].*) fatal "$program is $version, too old" ;; esac

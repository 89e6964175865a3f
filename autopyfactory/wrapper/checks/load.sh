# shellcheck shell=sh disable=SC1091
# does: whether strangers use the node's processors
# stage: 1
# deadline: 2
# class: info
# owner: site
. "$APF_LIB/check.sh"
read -r one rest <"$APF_ROOT/proc/loadavg" || broken "no load average"
tell load "$one"
cores=$(grep -c '^processor' "$APF_ROOT/proc/cpuinfo")
[ "${one%.*}" -le $((cores * 2)) ] || limited "load $one on $cores processors"

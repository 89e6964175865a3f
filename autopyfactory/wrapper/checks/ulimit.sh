# shellcheck shell=sh disable=SC1091
# does: open files (the soft limit is raised for the payload), processes; starting one
# stage: 1
# deadline: 5
# class: info
# owner: site
. "$APF_LIB/check.sh"
hard=$(ulimit -H -n 2>/dev/null)
tell nofile "$(ulimit -S -n 2>/dev/null)"
tell nofile_hard "$hard"
processes=$(sed -n 's/^Max processes *\([0-9a-z]*\) .*/\1/p' /proc/self/limits 2>/dev/null)
[ -z "$processes" ] || tell nproc "$processes"
(exit 7) &
wait $!
[ $? -eq 7 ] || fatal "cannot start a process"
if whole "$hard" && [ "$hard" -lt 4096 ]; then limited "at most $hard open files"; fi
if whole "$processes" && [ "$processes" -lt 200 ]; then limited "at most $processes processes"; fi

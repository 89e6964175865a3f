# shellcheck shell=sh disable=SC1091
# does: free space where we work: the least of the file system's, the batch system's and quota, against what is asked
# stage: 2
# deadline: 10
# class: limited
# owner: site
# option: asked=0 space that payloads need, in MB
. "$APF_LIB/check.sh"
. "$APF_LIB/limits.sh"
least=''
place=${APF_SCRATCH:-$PWD}
offer "$(df -kP "$place" 2>/dev/null | awk 'NR == 2 { print int($4 / 1024) }')" filesystem
offer "$(divided "$(machine_ad Disk)" 1024)" condor
offer "$(divided "$(feature "${JOBFEATURES-}" scratch_limit_bytes)" 1048576)" jobfeatures
[ -n "$least" ] || broken "df does not tell"
tell disk_mb "$least"
tell disk_from "$least_from"
asked=${APF_WRAPPER_ASKED:-0}
[ $((least * 2)) -ge "$asked" ] || fatal "$least MB ($least_from), $asked asked"
[ $((least * 10)) -ge $((asked * 9)) ] || limited "$least MB ($least_from), $asked asked"

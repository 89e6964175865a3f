# shellcheck shell=sh disable=SC1091
# does: finds a directory to work in: space, inodes, and what is written can be read again
# stage: 1
# deadline: 20
# class: fatal
# owner: site
# exit: 16
# hold: yes
# option: minimum=500 free space that a place must have, in MB
. "$APF_LIB/check.sh"
minimum=${APF_WRAPPER_MINIMUM:-500}

try() { # DIRECTORY: print the MB that are free; or why not, and fail
    [ -d "$1" ] || { echo "$1 is no directory" && return 1; }
    mkdir -m 700 "$1/apf-try.$$" 2>/dev/null || { echo "$1 cannot be written to" && return 1; }
    dd if=/dev/zero of="$1/apf-try.$$/a" bs=1024 count=1024 2>/dev/null &&
        sync "$1/apf-try.$$/a" 2>/dev/null
    size=$(dd if="$1/apf-try.$$/a" bs=1024 2>/dev/null | wc -c)
    rm -rf "$1/apf-try.$$"
    [ "$((size))" -eq 1048576 ] || { echo "$1 does not keep what is written" && return 1; }
    free=$(df -kP "$1" 2>/dev/null | awk 'NR == 2 { print int($4 / 1024) }')
    whole "$free" || free=$minimum # it cannot tell: it could be written to
    [ "$free" -ge "$minimum" ] || { echo "$1 has $free MB left of $minimum" && return 1; }
    inodes=$(df -iP "$1" 2>/dev/null | awk 'NR == 2 && $2 > 0 { print $4 }')
    if whole "$inodes" && [ "$inodes" -lt 1000 ]; then echo "$1 has $inodes inodes left" && return 1; fi
    echo "$free"
}

if [ "${2-}" = try ]; then
    try "$3"
    exit
fi

for place in "${APF_WRAPPER_PLACE-}" "${_CONDOR_SCRATCH_DIR-}" "${OSG_WN_TMP-}" "${SLURM_TMPDIR-}" "${TMPDIR-}" "$PWD"; do
    [ -n "$place" ] || continue
    # each by itself: one on a dead mount must not cost the others
    said=$(within 6 sh "$0" "$facts" try "$place")
    case $? in
        0)
            tell scratch "$(cd "$place" && pwd)"
            tell scratch_mb "$said"
            exit 0
            ;;
        124) echo "$place hangs" >&2 ;;
        *) echo "$said" >&2 ;;
    esac
done
exit 42

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
words=''

try() { # DIRECTORY: say why not
    [ -d "$1" ] || { words="$1 is no directory" && return 1; }
    mkdir -m 700 "$1/apf-try.$$" 2>/dev/null || { words="$1 cannot be written to" && return 1; }
    dd if=/dev/zero of="$1/apf-try.$$/a" bs=1024 count=1024 2>/dev/null &&
        sync "$1/apf-try.$$/a" 2>/dev/null
    size=$(dd if="$1/apf-try.$$/a" bs=1024 2>/dev/null | wc -c)
    rm -rf "$1/apf-try.$$"
    [ "$((size))" -eq 1048576 ] || { words="$1 does not keep what is written" && return 1; }
    free=$(df -kP "$1" 2>/dev/null | awk 'NR == 2 { print int($4 / 1024) }')
    whole "$free" || free=$minimum # it cannot tell: it could be written to
    [ "$free" -ge "$minimum" ] || { words="$1 has $free MB left of $minimum" && return 1; }
    inodes=$(df -iP "$1" 2>/dev/null | awk 'NR == 2 && $2 > 0 { print $4 }')
    if whole "$inodes" && [ "$inodes" -lt 1000 ]; then words="$1 has $inodes inodes left" && return 1; fi
}

for place in "${APF_WRAPPER_PLACE-}" "${_CONDOR_SCRATCH_DIR-}" "${OSG_WN_TMP-}" "${SLURM_TMPDIR-}" "${TMPDIR-}" "$PWD"; do
    [ -n "$place" ] || continue
    if try "$place"; then
        tell scratch "$(cd "$place" && pwd)"
        tell scratch_mb "$free"
        exit 0
    fi
    echo "$words" >&2
done
exit 42

# shellcheck shell=sh disable=SC2034
# What limits us, from all who may.  $APF_ROOT stands before /proc and /sys, so that tests can show other machines.

offer() { # VALUE SOURCE: remember the least in $least and $least_from
    case $1 in '' | *[!0-9]* | ????????????????*) return ;; esac
    if [ -z "$least" ] || [ "$1" -lt "$least" ]; then least=$1 least_from=$2; fi
}

affinity() { # processors that the kernel lets us run on
    list=$(sed -n 's/^Cpus_allowed_list:[^0-9]*//p' "$APF_ROOT/proc/self/status" 2>/dev/null)
    [ -z "$list" ] || count_list "$list"
}

count_list() { # 0-3,7: how many
    printf '%s\n' "$1" | tr ',' '\n' | awk -F- '{ n += $2 == "" ? 1 : $2 - $1 + 1 } END { print n }'
}

# for_each_cgroup CONTROLLER FUNCTION: call it with each directory that can limit us, from our own up to the top.
for_each_cgroup() {
    walk "$(cgroup_mount cgroup2 '')" "$(sed -n 's/^0:://p' "$APF_ROOT/proc/self/cgroup" 2>/dev/null)" "$2"
    walk "$(cgroup_mount cgroup "$1")" "$(sed -n "s/^[0-9]*:\([^:]*,\)\{0,1\}$1\(,[^:]*\)\{0,1\}:\(.*\)/\3/p" "$APF_ROOT/proc/self/cgroup" 2>/dev/null)" "$2"
}

# Where a hierarchy is mounted: "MOUNT-POINT ROOT", from mountinfo's fields 5 and 4; blanks in them are written \\040.
cgroup_mount() { # TYPE CONTROLLER
    awk -v type="$1" -v controller="$2" '
        { for (i = 7; i <= NF; i++) if ($i == "-") break }
        $(i + 1) == type && (controller == "" || "," $(i + 3) "," ~ "," controller ",") { print $5, $4; exit }
    ' "$APF_ROOT/proc/self/mountinfo" 2>/dev/null
}

walk() { # "MOUNT ROOT" PATH FUNCTION
    [ -n "$1" ] || return 0
    mount=${1% *} root=${1#* } path=$2
    # In a container the mount may show a part only, and in a namespace of ours the path may lead above its top.
    case $root in
        / | '') ;;
        *) case $path in "$root"/*) path=${path#"$root"} ;; "$root") path=/ ;; esac ;;
    esac
    case $path in *..*) path=/ ;; esac
    while [ ! -d "$APF_ROOT$mount$path" ] && [ "$path" != / ] && [ -n "$path" ]; do path=${path%/*}; done
    while :; do
        [ "$path" != / ] || path=''
        "$3" "$APF_ROOT$mount$path"
        [ -n "$path" ] || break
        path=${path%/*}
    done
}

# Some shells count in 32 bits, awk does not.
divided() { # NUMBER BY
    case $1 in '' | *[!0-9]*) ;; *) awk -v number="$1" -v by="$2" 'BEGIN { printf "%d\n", number / by }' ;; esac
}

first() { [ -r "$1" ] && sed 1q "$1" 2>/dev/null; }

cpu_quota() { # DIRECTORY: set $hundredths of a core, or nothing
    hundredths=''
    if [ -r "$1/cpu.max" ]; then
        read -r amount period <"$1/cpu.max"
    else
        amount=$(first "$1/cpu.cfs_quota_us") period=$(first "$1/cpu.cfs_period_us")
    fi
    case $amount in '' | *[!0-9]*) ;; *) [ "${period:-0}" -eq 0 ] || hundredths=$((amount * 100 / period)) ;; esac
    set_of=$(first "$1/cpuset.cpus.effective")
    [ -z "$set_of" ] || offer "$(count_list "$set_of")" cpuset
}

memory_limit() { # DIRECTORY: set $bytes, which are megabytes, or nothing
    bytes=''
    for file in memory.max memory.high memory.limit_in_bytes; do
        amount=$(first "$1/$file")
        # about 2^63 means none
        case $amount in '' | *[!0-9]* | ???????????????????*) continue ;; esac
        amount=$(divided "$amount" 1048576)
        [ -n "$bytes" ] && [ "$bytes" -le "$amount" ] || bytes=$amount
    done
}

feature() { # PLACE NAME: a value of machine or job features, from a directory or a web server
    case $1 in
        '') ;;
        http://* | https://*) ! command -v curl >/dev/null 2>&1 || within 5 curl -s -f -m 4 "$1/$2" ;;
        *) [ ! -f "$1/$2" ] || within 5 cat "$1/$2" ;;
    esac | sed 1q
}

machine_ad() { ad_value "${_CONDOR_MACHINE_AD-}" "$1"; }
job_ad() { ad_value "${_CONDOR_JOB_AD-}" "$1"; }

ad_value() { # FILE ATTRIBUTE
    [ -n "$1" ] && [ -f "$1" ] || return 0
    awk -v name="$2" 'tolower($1) == tolower(name) && $2 == "=" { print $3; exit }' "$1"
}

clock_seconds() { # [DAYS-][HOURS:]MINUTES:SECONDS
    printf '%s\n' "$1" | awk -F '[-:]' '/^[0-9]+(-[0-9]+)?(:[0-9]+)+$/ {
        days = /-/ ? $1 : 0
        for (i = /-/ ? 2 : 1; i <= NF; i++) seconds = seconds * 60 + $i
        print days * 86400 + seconds
    }'
}

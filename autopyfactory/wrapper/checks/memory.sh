# shellcheck shell=sh disable=SC1091
# does: memory that we may use: the least of the machine's, limits of all cgroups above us, batch system, site, and what was asked
# stage: 1
# deadline: 5
# class: limited
# owner: site
# option: overhead=200 kept back for the pilot itself, in MB
. "$APF_LIB/check.sh"
. "$APF_LIB/limits.sh"
least=''

meminfo() { sed -n "s/^$1: *\([0-9]*\) kB/\1/p" "$APF_ROOT/proc/meminfo" 2>/dev/null; }
megabytes() { divided "$1" 1024; }
tell memory_node_mb "$(megabytes "$(meminfo MemTotal)")"
tell memory_available_mb "$(megabytes "$(meminfo MemAvailable)")"
offer "$(megabytes "$(meminfo MemTotal)")" machine
each_limit() {
    memory_limit "$1"
    [ -z "$bytes" ] || offer "$bytes" cgroup
}
for_each_cgroup memory each_limit
offer "$(machine_ad Memory)" condor
offer "${SLURM_MEM_PER_NODE-}" slurm
if whole "${SLURM_MEM_PER_CPU-}" && whole "${SLURM_CPUS_ON_NODE-}"; then
    offer $((SLURM_MEM_PER_CPU * SLURM_CPUS_ON_NODE)) slurm
fi
rss=$(feature "${JOBFEATURES-}" max_rss_bytes)
offer "$(divided "$rss" 1048576)" jobfeatures
vsize=$(ulimit -v)
offer "$(divided "$vsize" 1024)" ulimit
there=$least there_from=$least_from
asked=${APF_ASKED_MEMORY:-0}
[ "$asked" -eq 0 ] || offer "$asked" asked
[ -n "$least" ] || broken "nothing here tells the memory"
# What the pilot itself needs comes from a hard limit; what was asked for is the payload's.
overhead=${APF_WRAPPER_OVERHEAD:-200}
usable=$((there > overhead * 2 ? there - overhead : there))
tell memory_mb $((least < usable ? least : usable))
tell memory_from "$least_from"
[ "$asked" -gt 0 ] || exit 0
[ $((there * 2)) -ge "$asked" ] || fatal "$there MB ($there_from), $asked asked"
[ $((there * 10)) -ge $((asked * 9)) ] || limited "$there MB ($there_from), $asked asked"
available=$(megabytes "$(meminfo MemAvailable)")
if whole "$available" && [ $((available * 2)) -lt "$asked" ]; then
    limited "only $available MB of the node are free, $asked asked"
fi

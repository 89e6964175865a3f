# shellcheck shell=sh disable=SC1091
# does: cores that we may use: the least of affinity, quotas of all cgroups above us, batch system, site, and what was asked
# stage: 1
# deadline: 5
# class: limited
# owner: site
. "$APF_LIB/check.sh"
. "$APF_LIB/limits.sh"
least=''

offer "$(affinity)" affinity
each_quota() { # DIRECTORY: of version 2, then of version 1
    cpu_quota "$1"
    [ -z "$hundredths" ] || offer $((hundredths < 100 ? 1 : hundredths / 100)) cgroup
    [ -z "$hundredths" ] || [ "$hundredths" -ge "${quota:-999999999}" ] || quota=$hundredths
}
quota=''
for_each_cgroup cpu each_quota
offer "$(machine_ad Cpus)" condor
offer "${SLURM_CPUS_ON_NODE-}" slurm
[ -z "${SLURM_CPUS_PER_TASK-}" ] || offer "$SLURM_CPUS_PER_TASK" slurm
offer "${PBS_NUM_PPN:-${PBS_NP:-${NCPUS-}}}" pbs
offer "${LSB_DJOB_NUMPROC-}" lsf
offer "${NSLOTS-}" sge
offer "$(feature "${JOBFEATURES-}" allocated_cpu)" jobfeatures
there=$least there_from=$least_from
[ "${APF_ASKED_CORES:-0}" -eq 0 ] || offer "$APF_ASKED_CORES" asked
[ -n "$least" ] || broken "nothing here tells the number of cores"
tell cores "$least"
tell cores_from "$least_from"
tell cores_node "$(grep -c '^processor' "$APF_ROOT/proc/cpuinfo" 2>/dev/null)"
[ -z "$quota" ] || tell cpu_quota "$quota" # hundredths of a core
asked=${APF_ASKED_CORES:-0}
[ "$asked" -gt 0 ] && [ -n "$there" ] || exit 0
if [ -n "$quota" ] && [ $((quota * 2)) -lt $((asked * 100)) ]; then
    fatal "$quota hundredths of a core ($there_from), $asked cores asked"
fi
[ $((there * 2)) -ge "$asked" ] || fatal "$there cores ($there_from), $asked asked"
[ $((there * 10)) -ge $((asked * 9)) ] || limited "$there cores ($there_from), $asked asked"

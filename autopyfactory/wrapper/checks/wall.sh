# shellcheck shell=sh disable=SC1091
# does: time left: the least of batch system, machine features, our own lifetime; asked once
# stage: 1
# deadline: 15
# class: limited
# owner: site
# option: minimum=0 time that the payload needs, in s
. "$APF_LIB/check.sh"
. "$APF_LIB/limits.sh"
least=''
now=$(date +%s)

[ "${APF_LIFETIME:-0}" -eq 0 ] || offer "$APF_LIFETIME" factory
begun=$(feature "${JOBFEATURES-}" jobstart_secs)
whole "$begun" || begun=$now
limit=$(feature "${JOBFEATURES-}" wall_limit_secs)
! whole "$limit" || offer $((limit - (now - begun))) jobfeatures
for end in "$(feature "${JOBFEATURES-}" shutdowntime_job)" "$(feature "${MACHINEFEATURES-}" shutdowntime)"; do
    ! whole "$end" || offer $((end > now ? end - now : 0)) shutdown
done
began=$(job_ad JobCurrentStartDate)
if whole "$began" && [ "$began" -lt "$now" ]; then ran=$((now - began)); else ran=0; fi
for name in AllowedJobDuration AllowedExecuteDuration MaxRuntime; do
    limit=$(job_ad "$name")
    ! whole "$limit" || offer $((limit > ran ? limit - ran : 0)) condor
done
if whole "${SLURM_JOB_END_TIME-}"; then
    offer $((SLURM_JOB_END_TIME > now ? SLURM_JOB_END_TIME - now : 0)) slurm
elif [ -n "${SLURM_JOB_ID-}" ] && command -v squeue >/dev/null 2>&1; then
    offer "$(clock_seconds "$(within 10 squeue -h -j "$SLURM_JOB_ID" -o %L)")" slurm
elif [ -n "${PBS_JOBID-}" ] && command -v qstat >/dev/null 2>&1; then
    answer=$(within 10 qstat -f "$PBS_JOBID")
    limit=$(clock_seconds "$(printf '%s\n' "$answer" | sed -n 's/.*Resource_List.walltime = //p')")
    used=$(clock_seconds "$(printf '%s\n' "$answer" | sed -n 's/.*resources_used.walltime = //p')")
    ! whole "$limit" || offer $((limit - ${used:-0})) pbs
fi
[ -n "$least" ] || exit 0 # nobody limits it
margin=$((least / 100 > 60 ? least / 100 : 60))
least=$((least > margin ? least - margin : 0))
tell wall_s "$least"
tell wall_from "$least_from"
minimum=${APF_WRAPPER_MINIMUM:-0}
[ "$least" -ge "$minimum" ] || fatal "$least s left ($least_from), $minimum needed"

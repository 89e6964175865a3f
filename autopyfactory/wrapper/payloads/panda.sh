# shellcheck shell=sh disable=SC1091
# does: runs PanDA's own pilot (pilot3), fetched by digest
# needs: tools python
# option: url=required where the pilot's archive is: addresses or paths on the node, separated by blanks; {version} stands for the version
# option: sha256=required its digest; for several versions VERSION:DIGEST, separated by blanks
# option: version= which version; CRIC knows it as pilot_version
# option: megabytes=50 the archive may have so much
# option: queue= the PanDA queue; unset: wmsqueue
# option: user=generic the pilot's plugin for an experiment: generic, atlas, rubin, eic, sphenix, ...
# option: server= URL of the PanDA server
# option: port=25443 its port
# option: label=managed which jobs it asks for: managed, user, unified, ...
# option: tag=PR PR or RC
# option: workflow=generic the pilot's workflow
# option: jobs= how often it asks for a job
# option: resource_type= SCORE, MCORE, ...
# option: queuedata_url= where it reads the queue's data
# option: queues_url= where it reads all queues' data; else as its own default.cfg says
# option: storagedata_url= where it reads the storages' data
# option: config= its configuration, a file among wrapper.files, instead of default.cfg
# option: proxycheck=yes no: it does not look at its proxy (tokens, plain certificates)
# option: lifetime=0 its time limit, in s; 0: what the node leaves
# option: stuck=3600 it is ended when its log has been silent for so long, in s; 0: never
# option: grace=120 time between TERM and KILL, in s
. "$APF_LIB/payloads.sh"
grace=${APF_WRAPPER_GRACE:-120} patience=180
# It makes a process group of its own before its first job, which a leader of a session may not: then the job is lost,
# and it ends with 0.
own_group=''
queue=${APF_WRAPPER_QUEUE:-$APF_WMSQUEUE}

refuse() { # CODE REASON OUTCOME
    outcome "outcome=$3" "reason=$2" "exit=$1" total=0
    exit "$1"
}

# The digest of our version: the only one, or the one after "VERSION:".
digest() {
    for pair in $APF_WRAPPER_SHA256; do
        case $pair in
            "${APF_WRAPPER_VERSION:-none}:"*) echo "${pair#*:}" && return ;;
            *:*) ;;
            *) echo "$pair" && return ;;
        esac
    done
}

get_pilot() {
    wanted=$(digest)
    [ -n "$wanted" ] || { say "no digest for version ${APF_WRAPPER_VERSION-}" && refuse 22 no-digest refused; }
    places=$(printf '%s' "$APF_WRAPPER_URL" | sed "s/{version}/${APF_WRAPPER_VERSION-}/g")
    # shellcheck disable=SC2086  # words
    fetch "$APF_SCRATCH/pilot.tar.gz" "$wanted" "${APF_WRAPPER_MEGABYTES:-50}" 180 $places || refuse 22 no-pilot refused
    mkdir -p "$APF_SCRATCH/code" && (cd "$APF_SCRATCH/code" && gzip -dc ../pilot.tar.gz | tar xf -) ||
        refuse 16 no-scratch node-fault
    for source in "$APF_SCRATCH"/code/*; do
        [ ! -f "$source/pilot.py" ] || return 0
    done
    refuse 22 no-pilot-inside refused
}

configure() {
    settings=$source/pilot/util/default.cfg
    [ -z "${APF_WRAPPER_CONFIG-}" ] || settings=$APF_FILES/$APF_WRAPPER_CONFIG
    [ -f "$settings" ] || refuse 2 no-pilot-configuration refused
    if [ -n "${APF_WRAPPER_QUEUES_URL-}" ]; then
        awk -v url="$APF_WRAPPER_QUEUES_URL" '/^queues_url:/ { print "queues_url: " url; next } { print }' \
            "$settings" >"$APF_SCRATCH/pilot.cfg" || refuse 16 no-scratch node-fault
        settings=$APF_SCRATCH/pilot.cfg
    fi
    export HARVESTER_PILOT_CONFIG="$settings"
}

# The supervisor: a pilot writes its log all the time, unless it is stuck.
awake() {
    [ "${APF_WRAPPER_STUCK:-3600}" -gt 0 ] || return 0
    [ "$tick" -ge $((looked + 1000)) ] || return 0
    looked=$tick
    if [ -n "$(find "$APF_SCRATCH/pilot" -name 'pilotlog*' -newer "$APF_SCRATCH/mark" 2>/dev/null)" ]; then
        touch "$APF_SCRATCH/mark"
        heard=$tick
    fi
    [ $((tick - heard)) -lt $((${APF_WRAPPER_STUCK:-3600} * 100)) ]
}

[ -n "$queue" ] || refuse 2 no-queue refused
[ -n "${APF_WRAPPER_URL-}" ] || refuse 2 no-url refused
get_pilot
configure
# Where it writes the number of each job that it gets.
export PANDA_PILOT_SOURCE="$source"
# It must not end other processes of this user: pilots share a user.
export PILOT_NOKILL="${PILOT_NOKILL:-YES}"
# Tokens come as names of files in the pilot's directory.
for name in X509_USER_PROXY PANDA_AUTH_TOKEN OIDC_AUTH_TOKEN BEARER_TOKEN_FILE; do
    eval "value=\${$name-}"
    # shellcheck disable=SC2154  # by eval
    if [ -n "$value" ] && [ -f "$PWD/$value" ]; then export "$name=$PWD/$value"; fi
done
mkdir -p "$APF_SCRATCH/pilot" && cd "$APF_SCRATCH/pilot" || refuse 16 no-scratch node-fault
lifetime=$(time_left "${APF_WRAPPER_LIFETIME:-0}")
set -- -q "$queue" -r "$queue" -s "$queue" -a "$APF_SCRATCH/pilot" -j "${APF_WRAPPER_LABEL:-managed}" \
    -i "${APF_WRAPPER_TAG:-PR}" -w "${APF_WRAPPER_WORKFLOW:-generic}" --pilot-user "${APF_WRAPPER_USER:-generic}" \
    --harvester-submit-mode PULL "$@"
[ -z "${APF_WRAPPER_SERVER-}" ] || set -- --url "$APF_WRAPPER_SERVER" -p "${APF_WRAPPER_PORT:-25443}" "$@"
[ -z "${APF_WRAPPER_JOBS-}" ] || set -- -v "$APF_WRAPPER_JOBS" "$@"
[ -z "${APF_WRAPPER_RESOURCE_TYPE-}" ] || set -- --resource-type "$APF_WRAPPER_RESOURCE_TYPE" "$@"
[ -z "${APF_WRAPPER_QUEUEDATA_URL-}" ] || set -- --queuedata-url "$APF_WRAPPER_QUEUEDATA_URL" "$@"
[ -z "${APF_WRAPPER_STORAGEDATA_URL-}" ] || set -- --storagedata-url "$APF_WRAPPER_STORAGEDATA_URL" "$@"
[ "${APF_WRAPPER_PROXYCHECK:-yes}" = yes ] || set -- -t "$@"
# It ends itself before we have to.
[ "$lifetime" -eq 0 ] || set -- -l "$((lifetime > 600 ? lifetime - 300 : lifetime))" "$@"
touch "$APF_SCRATCH/mark"
ticks
heard=$tick looked=$tick
say "pilot $(cat "$source/PILOTVERSION" 2>/dev/null) for $queue at ${APF_WRAPPER_SERVER:-its own server}"
start "${APF_WRAPPER_PYTHON:-python3}" "$source/pilot.py" "$@"
watch "$lifetime" awake

total=$(sort -u "$source/pandaIDs.out" 2>/dev/null | grep -c .)
[ ! -f "$source/pandaIDs.out" ] || say "jobs: $(sort -u "$source/pandaIDs.out" | tr '\n' ' ')"
outcome "total=$total"
[ "$why" = ended ] || {
    outcome outcome=cut "reason=$why" cut=1 exit=21
    exit "$code"
}
# 64 to 83 are the pilot's own; those that tell of this node, and of our credentials, are told apart.
case $code in
    0) if [ "$total" -gt 0 ]; then outcome outcome=ok "ok=$total" reason=done; else outcome outcome=empty reason=no-job; fi ;;
    82) outcome outcome=empty reason=no-job exit=0 ;;
    66 | 69 | 75) outcome outcome=node-fault "reason=pilot-$code" "exit=$code" ;;
    68 | 80) outcome outcome=refused "reason=pilot-$code" "exit=$code" ;;
    6[45] | 7? | 67 | 8[13]) outcome outcome=failed "reason=pilot-$code" "exit=$code" failed=1 ;;
    *) outcome outcome=failed "reason=exit-code-$code" exit=20 failed=1 ;;
esac
exit "$code"

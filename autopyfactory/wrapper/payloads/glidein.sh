#!/bin/sh
# does: joins a users' HTCondor pool, serves the jobs of one label for a while, and leaves
# needs: tools
# option: pool= HOST:PORT of the pool's collector
# option: label= serve only jobs whose attribute has this value
# option: attribute= ... that attribute [MATCH_APF_QUEUE]
# option: start_expr= a further condition on jobs, in ClassAd language
# option: token= file with the IDTOKEN with which to join
# option: condor= HTCondor's release directory, on the node or on CVMFS
# option: tarball= where an archive with HTCondor can be fetched: addresses or paths, separated by blanks
# option: tarball_sha256= its digest
# option: cpus= cores to offer; unset: what the check found, else 1
# option: memory= memory to offer, in MB; unset: what the check found, else 2000 per core
# option: idle= leave when unclaimed for so long, in s [300]
# option: lifetime= leave at this age in any case, in s [86400, or what the node leaves]
# option: retire= start no job in this last part of the lifetime, in s [a quarter of it]
# option: grace= at the end, time for a running job between TERM and KILL, in s [20]
# option: join= give up when not in the pool by then, in s [120]
# option: config= file with further HTCondor settings; they have the last word
# option: drain= after TERM, let running jobs go on for so long, and start none, in s [0]
# option: ccb= yes: the pool's collector brokers the schedds' connections [no]
# option: blackhole= start no further job after so many in a row that ended within a minute [5]; 0: go on
#
# AutoPyFactory's glidein: a payload of the composed wrapper, and a program of its own.  It needs a POSIX shell, the
# usual tools and HTCondor's programs, and no privileges.  docs/wrapper.md says more.
set -u

usage() {
    cat <<'EOF'
usage: glidein.sh --pool HOST:PORT --label LABEL --token FILE [options]

Starts an HTCondor execute point that joins the pool, runs jobs of LABEL, and leaves.
Every option may come from the environment instead: --start-expr from APF_WRAPPER_START_EXPR, and so on.

  --pool HOST:PORT      the users' pool: its collector
  --label LABEL         serve only jobs whose attribute has this value
  --attribute NAME      ... that attribute [MATCH_APF_QUEUE]
  --start-expr EXPR     a further condition on jobs, in ClassAd language
  --token FILE          the IDTOKEN with which to join
  --condor DIR          HTCondor's release directory [CONDOR_RELEASE_DIR, else by condor_master on PATH]
  --tarball PLACES      if there is none: URLs or paths of an archive with it, separated by blanks
  --tarball-sha256 HEX  ... the archive's digest
  --cpus N              cores to offer [1]
  --memory MB           memory to offer [2000 per core]
  --idle SECONDS        leave when unclaimed for so long [300]
  --lifetime SECONDS    leave at this age in any case [86400]
  --retire SECONDS      start no job in this last part of the lifetime [a quarter of it]
  --grace SECONDS       at the end, time for a running job between TERM and KILL [20]
  --join SECONDS        give up when not in the pool by then [120]
  --scratch DIR         where to make the working directory [the current directory]
  --drain SECONDS       after TERM, let running jobs go on for so long, and start none [0]
  --config FILE         further HTCondor settings; they have the last word
  --blackhole N         start no job after N in a row that ended within a minute [5]; 0: go on
  --ccb yes|no          let the pool's collector broker the schedds' connections (behind a firewall) [no]

exit codes
  0  every payload ended well, or none came      2  usage
  10 no HTCondor here                            11 token missing, unreadable or not a token
  12 token expired                               13 pool unreachable
  14 pool refused the token                      15 HTCondor failed here
  16 no usable scratch directory                 20 a payload failed
  21 a payload was cut short                     129, 130, 131, 143  stopped by HUP, INT, QUIT, TERM
EOF
}

# bash loses an INT that comes while it waits for a $(...). From where HTCondor is started to the end there is none:
# the time is told without one, what is found out goes through files.
clock() { # Set $now: seconds since the epoch.
    if read -r up rest 2>/dev/null </proc/uptime; then now=$((born + ${up%.*} - born_up)); else now=$(date +%s); fi
}

say() {
    clock
    printf '%02d:%02d:%02d %s\n' $((now / 3600 % 24)) $((now / 60 % 60)) $((now % 60)) "$*"
}

bad_usage() {
    echo "glidein.sh: $*; try --help" >&2
    exit 2
}

# What a check of the composed wrapper has found, else DEFAULT.
found() { # FACT DEFAULT
    if [ -n "${APF_FACTS-}" ] && [ -s "$APF_FACTS/$1" ]; then sed 1q "$APF_FACTS/$1"; else echo "$2"; fi
}

options() {
    pool=${APF_WRAPPER_POOL-} label=${APF_WRAPPER_LABEL-${APF_WMSQUEUE-}} attribute=${APF_WRAPPER_ATTRIBUTE-MATCH_APF_QUEUE}
    start_expr=${APF_WRAPPER_START_EXPR-True} token=${APF_WRAPPER_TOKEN-}
    condor=${APF_WRAPPER_CONDOR-${CONDOR_RELEASE_DIR-}} tarball=${APF_WRAPPER_TARBALL-}
    tarball_sha256=${APF_WRAPPER_TARBALL_SHA256-} blackhole=${APF_WRAPPER_BLACKHOLE-5} drain=${APF_WRAPPER_DRAIN-0}
    cpus=${APF_WRAPPER_CPUS-$(found cores 1)} memory=${APF_WRAPPER_MEMORY-$(found memory_mb '')}
    idle=${APF_WRAPPER_IDLE-300} lifetime=${APF_WRAPPER_LIFETIME-$(found wall_s 86400)} retire=${APF_WRAPPER_RETIRE-}
    grace=${APF_WRAPPER_GRACE-20} join=${APF_WRAPPER_JOIN-120} scratch=${APF_WRAPPER_SCRATCH-$PWD}
    config=${APF_WRAPPER_CONFIG-} ccb=${APF_WRAPPER_CCB-no}
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help) usage && exit 0 ;;
            --*=*) option=${1%%=*} value=${1#*=} words=1 ;;
            *) option=$1 value=${2-} words=2 ;;
        esac
        case $option in
            --pool) pool=$value ;; --label) label=$value ;; --attribute) attribute=$value ;;
            --start-expr) start_expr=$value ;; --token) token=$value ;; --condor) condor=$value ;;
            --cpus) cpus=$value ;; --memory) memory=$value ;; --idle) idle=$value ;;
            --lifetime) lifetime=$value ;; --retire) retire=$value ;; --grace) grace=$value ;;
            --join) join=$value ;; --scratch) scratch=$value ;; --config) config=$value ;; --ccb) ccb=$value ;;
            --tarball) tarball=$value ;; --tarball-sha256) tarball_sha256=$value ;;
            --blackhole) blackhole=$value ;; --drain) drain=$value ;;
            *) bad_usage "unknown option '$1'" ;;
        esac
        [ $# -ge "$words" ] || bad_usage "$option needs a value"
        shift "$words"
    done
}

whole() { # NAME VALUE
    case $2 in '' | *[!0-9]* | 0?* | ??????????*) bad_usage "--$1 must be a whole number, not '$2'" ;; esac
}

check_options() {
    whole cpus "$cpus" && whole memory "${memory:=$((cpus * 2000))}"
    whole lifetime "$lifetime" && whole retire "${retire:=$((lifetime / 4))}"
    whole idle "$idle" && whole grace "$grace" && whole join "$join"
    whole blackhole "$blackhole" && whole drain "$drain"
    [ "$cpus" -gt 0 ] || bad_usage "--cpus must be at least 1"
    [ "$lifetime" -gt "$retire" ] || bad_usage "--retire leaves nothing of --lifetime"
    case $pool in ?*:?*) ;; *) bad_usage "--pool must be HOST:PORT, not '$pool'" ;; esac
    case $pool in *[!A-Za-z0-9.:_-]* | *:*[!0-9]*) bad_usage "--pool must be HOST:PORT, not '$pool'" ;; esac
    case $label in '' | *[\"\\\$]* | *[[:cntrl:]]*) bad_usage "--label must be given, without \", \\ and \$" ;; esac
    case $attribute in '' | [0-9]* | *[!A-Za-z0-9_]*) bad_usage "'$attribute' cannot name an attribute" ;; esac
    case $start_expr in '' | *[[:cntrl:]]*) bad_usage "--start-expr must be one line" ;; esac
    case $ccb in yes | no) ;; *) bad_usage "--ccb must be yes or no" ;; esac
    [ -z "$config" ] || [ -r "$config" ] || bad_usage "cannot read --config $config"
    [ -n "$token" ] || bad_usage "--token is missing"
    if [ -n "$tarball" ]; then
        [ -n "${APF_LIB-}" ] || bad_usage "--tarball works within a composed wrapper only"
        case $tarball_sha256 in
            *[!0-9a-f]*) bad_usage "--tarball-sha256 must be hexadecimal" ;;
            ????????????????????????????????????????????????????????????????) ;;
            *) bad_usage "--tarball needs --tarball-sha256" ;;
        esac
    fi
}

banner() {
    echo "AutoPyFactory wrapper, $(date -u +%Y-%m-%dT%H:%M:%SZ)"
    echo "  on $(uname -n) as $(id -un 2>/dev/null || id -u) in $PWD"
    echo "  serves $label of pool $pool: $cpus cores, $memory MB, idle $idle s, lifetime $lifetime s, retire $retire s"
    for name in APFFID APFCID APFMON GTAG FACTORYQUEUE FACTORYUSER FACTORY_JOBID PANDA_JSID; do
        echo "  $name=$(printenv "$name")"
    done
    echo "  os: $(sed -n 's/^PRETTY_NAME=//p' /etc/os-release 2>/dev/null), $(uname -srm)"
    echo "  node: $(grep -c ^processor /proc/cpuinfo) cores," \
        "$(awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo) MB memory," \
        "$(df -Pk . | awk 'NR == 2 {print int($4 / 1024)}') MB free on disk"
}

# Where the programs' parts are differs between distributions' packages and the tar file.
first_directory() {
    for place; do
        [ -d "$place" ] && echo "$place" && return
    done
}

# Fetch an archive of HTCondor and unpack it; its top folder, or the archive itself, has bin/ and sbin/.
unpack_condor() {
    # shellcheck disable=SC1091
    . "$APF_LIB/probe.sh" && . "$APF_LIB/base.sh" && . "$APF_LIB/fetch.sh"
    # shellcheck disable=SC2086  # words
    fetch "$dir/condor.tar" "$tarball_sha256" 1000 900 $tarball || { say "no HTCondor to be had" && finish 10 no-condor; }
    mkdir "$dir/release" && { gzip -dc "$dir/condor.tar" 2>/dev/null || cat "$dir/condor.tar"; } |
        (cd "$dir/release" && tar xf -) || finish 10 no-condor
    rm -f "$dir/condor.tar"
    for condor in "$dir/release" "$dir"/release/*; do
        [ ! -x "$condor/sbin/condor_master" ] && [ ! -x "$condor/usr/sbin/condor_master" ] || break
    done
}

find_condor() {
    if [ -z "$condor" ] && [ -n "$tarball" ]; then unpack_condor; fi
    if [ -z "$condor" ]; then
        found=$(PATH=$PATH:/usr/sbin:/usr/local/sbin && command -v condor_master) || finish 10 no-condor
        condor=$(cd -P "${found%/*}" && cd .. && pwd)
    fi
    [ ! -d "$condor/usr/sbin" ] || condor=$condor/usr
    for program in sbin/condor_master sbin/condor_startd sbin/condor_starter bin/condor_ping bin/condor_status; do
        [ -x "$condor/$program" ] || { say "no program $condor/$program" && finish 10 no-condor; }
    done
    condor=$(cd "$condor" && pwd)
    say "$("$condor/bin/condor_version" | head -n 1) in $condor"
}

make_scratch() {
    scratch=$(cd "$scratch" && pwd) || finish 16 no-scratch
    dir=$(mktemp -d "$scratch/apf-glidein.XXXXXX") || finish 16 no-scratch
    mkdir -m 700 "$dir/tokens" "$dir/log" "$dir/execute" "$dir/spool" || finish 16 no-scratch
}

take_token() {
    [ -r "$token" ] || { say "no token $token here: it has to travel with the pilot" && finish 11 no-token; }
    (umask 077 && cat "$token" >"$dir/tokens/pool") || finish 11 no-token
    ask 20 condor_token_list -dir "$dir/tokens"
    grep -q '"iss":' "$dir/answer" || { say "$token is not a token" && finish 11 no-token; }
    # some shells count in 32 bits
    expiry=$(sed -n 's/.*"exp":\([0-9]*\).*/\1/p' "$dir/answer" | awk '{ print ($1 > 2147483647 ? "2147483647" : $1) }')
    [ "${expiry:-2147483647}" -gt "$(date +%s)" ] || { say "$token expired at $expiry" && finish 12 token-expired; }
}

# A variable of the environment as it may stand in a string of the configuration.
# shellcheck disable=SC2016  # the dollar is HTCondor's
plain() { printenv "$1" | tr -d '"\\\r\n' | sed 's/\$/$(DOLLAR)/g'; }

write_config() {
    interface='*' everywhere=True
    case $pool in 127.* | localhost:*) interface=127.0.0.1 everywhere=False ;; esac
    # The startd looks how long it has been unclaimed only when it updates its ad.
    update=$((idle / 4 > 300 ? 300 : idle / 4 < 5 ? 5 : idle / 4))
    cat >"$dir/condor_config" <<EOF
RELEASE_DIR = $condor
LIB = $(first_directory "$condor/lib64/condor" "$condor/lib/condor" "$condor/lib")
LIBEXEC = $(first_directory "$condor/libexec/condor" "$condor/libexec")
LOCAL_DIR = $dir
LOCAL_CONFIG_FILE =
LOCAL_CONFIG_DIR =
USER_CONFIG_FILE =
DAEMON_LIST = MASTER STARTD
MASTER_NAME = $name
STARTD_NAME = $name
CONDOR_HOST = ${pool%:*}
COLLECTOR_HOST = $pool
NETWORK_INTERFACE = $interface
BIND_ALL_INTERFACES = $everywhere
USE_SHARED_PORT = False
$([ "$ccb" = no ] || echo "CCB_ADDRESS = $pool")
# Nobody here shares the submitters' users or files.
UID_DOMAIN = $name.invalid
FILESYSTEM_DOMAIN = $name.invalid
# To the pool we show the token; to us comes only who holds a claim that the pool has given out.
SEC_DEFAULT_AUTHENTICATION = REQUIRED
SEC_DEFAULT_ENCRYPTION = REQUIRED
SEC_DEFAULT_INTEGRITY = REQUIRED
SEC_DEFAULT_AUTHENTICATION_METHODS = IDTOKENS
SEC_CLIENT_AUTHENTICATION_METHODS = IDTOKENS
SEC_TOKEN_DIRECTORY = $dir/tokens
# Inside another HTCondor's job, do not take that one's daemons for our family.
SEC_USE_FAMILY_SESSION = False
NUM_CPUS = $cpus
MEMORY = $memory
NUM_SLOTS_TYPE_1 = 1
SLOT_TYPE_1 = 100%
SLOT_TYPE_1_PARTITIONABLE = True
MACHINE_RESOURCE_INVENTORY_GPUS =
RUNBENCHMARKS = False
JAVA =
VM_TYPE =
START = (TARGET.$attribute =?= "$label") && time() < $retire_at && ($start_expr)
MachineMaxVacateTime = $grace
STARTD_NOCLAIM_SHUTDOWN = $idle
UPDATE_INTERVAL = $update
# Without its startd the master has no business here; and it leaves in time should this script be killed.
MASTER.DAEMON_SHUTDOWN_FAST = STARTD_StartTime =?= 0 || time() > $((end_at + grace + 60))
# Payloads are counted from the startd's history of jobs.
STARTD_HISTORY = $dir/log/startd_history
ENABLE_HISTORY_ROTATION = False
APF_GLIDEIN = "$name"
APF_RETIRE_AT = $retire_at
APF_END_AT = $end_at
APFCID = "$(plain APFCID)"
FACTORYQUEUE = "$(plain FACTORYQUEUE)"
STARTD_ATTRS = APF_GLIDEIN APF_RETIRE_AT APF_END_AT APFCID FACTORYQUEUE
EOF
    [ -z "$config" ] || cat "$config" >>"$dir/condor_config"
}

# ask SECONDS COMMAND...: run a command of HTCondor for so long at most; what it says goes to the file "answer".
ask() {
    limit=$1 command=$2 && shift 2
    CONDOR_CONFIG=$dir/condor_config timeout "$limit" "$condor/bin/$command" "$@" >"$dir/answer" 2>&1 </dev/null &
    wait $!
    answered=$?
    heed_signal
    return $answered
}

# A pool that refuses us says so at once; one that cannot be reached may come back.
knock() {
    until ask $((join < 20 ? join + 1 : 20)) condor_ping -pool "$pool" -type collector -verbose ADVERTISE_STARTD; do
        cat "$dir/answer"
        grep -qE 'AUTHENTICATE:100[34]|SECMAN:2010|DENIED' "$dir/answer" && finish 14 refused
        clock
        [ "$now" -lt "$join_by" ] || finish 13 unreachable
        sleep 2
    done
}

alive() { [ -n "$master" ] && kill -0 "$master" 2>/dev/null; }

launch() {
    # What a shell puts in the background ignores INT and QUIT, and payloads would inherit that.
    set -- env --default-signal=INT,QUIT
    "$@" true 2>/dev/null || set --
    CONDOR_CONFIG=$dir/condor_config "$@" "$condor/sbin/condor_master" -f >"$dir/log/master.out" 2>&1 </dev/null &
    master=$!
    until ask 20 condor_status -pool "$pool" -const "APF_GLIDEIN == \"$name\"" -af Name && [ -s "$dir/answer" ]; do
        alive || finish 15 condor-failed
        [ -z "$signal" ] || return 0 # a job may run all the same
        clock
        [ "$now" -lt "$join_by" ] || finish 13 not-listed
        sleep 1
    done
    clock
    joined=$((now - born))
    read -r answer <"$dir/answer"
    say "joined as $answer"
}

# No further job starts; those that run go on, and the slot leaves when it has been idle.
close_start() { # REASON
    closed=$1
    say "starting no more jobs: $1"
    echo 'START = False' >>"$dir/condor_config"
    kill -HUP "$master" 2>/dev/null
}

# The latch: how many payloads in a row, up to the latest, failed within a minute of their start.
failing() {
    cat "$dir"/log/startd_history* 2>/dev/null | awk '
        /^JobCurrentStartDate = /  { start = $3 }
        /^CompletionDate = /       { end = $3 }
        /^EnteredCurrentStatus = / { entered = $3 }
        /^ExitCode = /             { code = $3 }
        /^ExitBySignal = true/     { code = 1 }
        /^ToE = .*OWN_ACCORD/      { own = 1; if (match($0, /When = [0-9]+/)) end = substr($0, RSTART + 7, RLENGTH - 7) }
        /^\*\*\* / {
            if (own && code != 0 && start && end - start < 60) row++; else row = 0
            start = end = code = own = 0
        }
        END { print row + 0 }'
}

serve() {
    looked=0 unused=0
    while alive; do
        ! to_drain || begin_drain
        heed_signal
        clock
        [ "$now" -lt $end_at ] || leave lifetime
        if [ "$blackhole" -gt 0 ] && [ -z "$closed" ] && [ $((looked = (looked + 1) % 5)) -eq 0 ]; then
            failing >"$dir/failing"
            read -r row <"$dir/failing"
            [ "$row" -lt "$blackhole" ] || close_start black-hole
        fi
        # The startd may take on a last job before it hears of the drain: it is asked twice.
        if [ "$closed" != drain ] || busy; then unused=0; else unused=$((unused + 1)); fi
        [ $unused -lt 2 ] || leave idle
        sleep 1
    done
    [ -z "$closed" ] || leave idle
    grep -q 'No resources have been claimed' "$dir"/log/StartLog* || finish 15 condor-failed
    finish 0 idle
}

leave() { # REASON: at the end of its time, or of a drain, which TERM has asked for
    [ "$closed" != drain ] || finish 143 TERM
    finish 0 "${closed:-$1}"
}

# A first TERM with --drain: the end comes when no job runs any more, at the latest after that time.
begin_drain() {
    signal=''
    close_start drain
    clock
    latest=$((now + drain))
    [ "$latest" -ge $end_at ] || end_at=$latest
}

# Whether a job runs. Its starter says so in its log only later, or never: the process is what counts.
busy() {
    cat /proc/[0-9]*/status 2>/dev/null | awk -v master="$master" '
        /^Name:/  { name = $2 }
        /^State:/ { state = $2 }
        /^Pid:/   { pid = $2 }
        /^PPid:/  { parent[pid] = $2; if (name == "condor_starter" && state != "Z") starters[pid] }
        END { for (pid in starters) if (parent[parent[pid]] == master) found = 1; exit !found }'
}

to_drain() { [ "$signal" = TERM ] && [ "$drain" -gt 0 ] && [ "$closed" != drain ] && alive; }

heed_signal() {
    ! to_drain || return 0 # as soon as HTCondor runs, a job may
    case $signal in
        HUP) finish 129 HUP ;; INT) finish 130 INT ;; QUIT) finish 131 QUIT ;; TERM) finish 143 TERM ;;
    esac
}

gone_within() { # SECONDS
    patience=$1
    while alive; do
        [ $((patience -= 1)) -ge 0 ] || return 1
        sleep 1
    done
}

# TERM gives a running job its --grace, QUIT gives it none.
stop_condor() {
    alive || return 0
    say "stopping HTCondor" && kill -TERM "$master" && gone_within $((grace + 3)) && return
    say "stopping HTCondor at once" && kill -QUIT "$master" && gone_within 5
}

# Whatever was started for us, a payload's left-overs too, has our directory in its environment.
sweep() {
    for _ in 1 2 3 4 5; do
        ours=$(grep -lsF "$dir/" /proc/[0-9]*/environ | cut -d/ -f3)
        [ -n "$ours" ] || return 0
        # shellcheck disable=SC2086  # many numbers
        kill -KILL $ours 2>/dev/null
        sleep 1
    done
    say "still running: $ours"
}

# One line for each payload: ok, failed, removed (by its owner or schedd), unstarted or cut (by our own end).
payloads() {
    cat "$dir"/log/startd_history* 2>/dev/null | awk '
        /^ExitCode = /             { code = $3 }
        /^ExitSignal = /           { signal = $3 }
        /^JobState = /             { started = 1 }
        /^ToE = .*OWN_ACCORD/      { own = 1 }
        /^ToE = .*DEACTIVATE/      { removed = 1 }
        /^ClusterId = /            { cluster = $3 }
        /^ProcId = /               { proc = $3 }
        /^\*\*\* / {
            job = cluster "." proc
            if (own && signal == "" && code == 0) print "ok", job
            else if (own && signal == "") print "failed", job, "exit code", code
            else if (own) print "failed", job, "signal", signal
            else if (!started) print "unstarted", job
            else if (removed) print "removed", job
            else print "cut", job
            code = signal = cluster = proc = ""; own = removed = started = 0
        }'
}

count() { grep -c "^$1" "$dir/payloads"; }

tally() {
    [ -e "$dir/log/StartLog" ] || return
    payloads >"$dir/payloads"
    grep -v '^ok' "$dir/payloads"
    total=$(cat "$dir"/log/StartLog* | grep -c 'Changing activity: Idle -> Busy')
    # What never started was withdrawn or lacked its input, unless this node could not execute it: that is failure.
    broken=$(cat "$dir"/log/StarterLog.slot* 2>/dev/null | grep -c 'Failed to start job, exiting')
    ok=$(count ok) cut=$(count cut) failed=$(($(count failed) + broken))
    removed=$(($(count removed) + $(count unstarted) - broken))
    # A job whose end nobody could write down went with its starter.
    known=$((ok + failed + removed + cut))
    [ "$total" -le $known ] || cut=$((cut + total - known))
    total=$((ok + failed + removed + cut))
}

clean_up() {
    [ -n "$dir" ] || return 0
    sweep
    chmod -R u+rwX "$dir" 2>/dev/null
    rm -rf "$dir"
    dir=''
}

# For the composed wrapper's own summary.
tell_outcome() { # REASON
    [ -n "${APF_OUTCOME-}" ] || return 0
    rm -f "$APF_HOME/state/reserve" # for a disk that is full by now
    case $code in
        0) outcome=ok ;;
        10 | 15 | 16) outcome=node-fault ;;
        11 | 12 | 13 | 14) outcome=refused ;;
        21 | 1[234]?) outcome='cut' ;;
        *) outcome=failed ;;
    esac
    [ "$closed" != black-hole ] || outcome=node-fault
    printf '%s\n' "outcome=$outcome" "reason=$1" "total=$total" "ok=$ok" "failed=$failed" "removed=$removed" "cut=$cut" \
        >"$APF_OUTCOME"
}

finish() { # CODE REASON
    stop_condor
    total=0 ok=0 failed=0 removed=0 cut=0
    [ -z "$dir" ] || tally
    code=$1
    case $code in
        0) [ "$cut" -eq 0 ] || code=21; [ "$failed" -eq 0 ] || code=20 ;;
        13 | 15) [ -z "$dir" ] || tail -n 20 "$dir"/log/MasterLog "$dir"/log/StartLog 2>/dev/null ;;
    esac
    tell_outcome "$2"
    clean_up
    echo "APF-WRAPPER: payloads=$total ok=$ok failed=$failed removed=$removed cut=$cut" \
        "joined=$joined wall=$(($(date +%s) - born)) reason=$2 exit=$code"
    exit "$code"
}

born=$(date +%s) born_up=0
read -r born_up rest 2>/dev/null </proc/uptime && born_up=${born_up%.*}
options "$@"
check_options
banner
# The job that we are may be HTCondor's: its settings must not become ours.
for name in $(env | grep -io '^_\{0,1\}condor_[a-z0-9_]*=' | tr -d =); do unset "$name"; done
dir='' master='' signal='' joined=never closed=''
end_at=$((born + lifetime)) join_by=$((born + join))
retire_at=$((end_at - retire))
trap 'signal=HUP' HUP
trap 'signal=INT' INT
trap 'signal=QUIT' QUIT
trap 'signal=TERM' TERM
trap clean_up EXIT
[ -n "$condor" ] || [ -z "$tarball" ] || make_scratch
find_condor
[ -n "$dir" ] || make_scratch
name=${dir##*/}-$$
write_config
take_token
knock
launch
serve

# shellcheck shell=sh disable=SC1091,SC2034
# For payloads that want it: `. "$APF_LIB/payloads.sh"`.  A payload's contract is in docs/wrapper.md.
set -u
. "$APF_LIB/base.sh"
. "$APF_LIB/probe.sh"
. "$APF_LIB/fetch.sh"
signal='' child='' code=''

# outcome KEY=VALUE...: what the summary says beside the exit code.  The reserve is for a disk that is full by now.
outcome() {
    rm -f "$APF_HOME/state/reserve"
    for pair; do printf '%s\n' "$pair" >>"$APF_OUTCOME"; done
}

trap 'signal=TERM' TERM HUP INT QUIT XCPU
for name in USR1 USR2; do
    # shellcheck disable=SC2064  # now
    trap "[ -z \"\$child\" ] || kill -s $name \"\$child\"" "$name"
done

# start COMMAND...: as a child in a group of its own
start() {
    # shellcheck disable=SC2086  # a word or nothing
    $own_group "$@" </dev/null &
    child=$!
}

# stop SIGNAL SECONDS: the signal, and after the time KILL; wait for its end
stop() {
    kill -s "$1" "$child" 2>/dev/null
    ticks
    stop_until=$((tick + $2 * 100))
    while kill -0 "$child" 2>/dev/null; do
        ticks
        if [ "$tick" -ge "$stop_until" ]; then
            kill -s KILL "-$child" 2>/dev/null || kill -s KILL "$child" 2>/dev/null
        fi
        nap
    done
}

# watch SECONDS [FUNCTION]: until the child has ended, the time (0: none) is over, a signal came, or FUNCTION fails.
# Sets $code, and $why to ended, lifetime, signal or stuck.
watch() {
    ticks
    watch_until=$((tick + $1 * 100)) why=ended
    while kill -0 "$child" 2>/dev/null; do
        ticks
        if [ -n "$signal" ]; then why=signal && break; fi
        if [ "$1" -gt 0 ] && [ "$tick" -ge "$watch_until" ]; then why=lifetime && break; fi
        if [ -n "${2-}" ] && ! "$2"; then why=stuck && break; fi
        nap
    done
    case $why in
        ended) ;;
        stuck) stop INT "${patience:-20}" ;;
        *) stop TERM "${grace:-20}" ;;
    esac
    wait "$child"
    code=$?
    # what it started and left in its group
    kill -s KILL "-$child" 2>/dev/null
    child=''
}

# Least of the option and what the node leaves us; 0: nobody says.
time_left() { # OPTION
    time_node=$(sed 1q "$APF_FACTS/wall_s" 2>/dev/null)
    time_wanted=${1:-0}
    if [ -n "$time_node" ] && { [ "$time_wanted" -eq 0 ] || [ "$time_node" -lt "$time_wanted" ]; }; then
        time_wanted=$time_node
    fi
    echo "$time_wanted"
}

# shellcheck shell=sh
# The payload as a child: its own environment, signals passed on and waited for, its end written down.

# A directory of ours in the best scratch that the check found; what is there beside goes when nobody owns it.
make_work() {
    for place in "$(known scratch)" "$APF_HOME"; do
        [ -n "$place" ] || continue
        work=$place/apf-work.$$
        # shellcheck disable=SC2174  # only the last
        mkdir -m 700 "$work" 2>/dev/null && mkdir "$work/tmp" && break
        work=''
    done
    [ -n "$work" ] || work=$APF_HOME
    cp "$APF_HOME/.owner" "$work/.owner" 2>/dev/null
    if [ "$(known tmp ok)" != ok ] || [ "$(result_of tmp)" = hung ]; then TMPDIR=$work/tmp; fi
    APF_SCRATCH=$work
    export TMPDIR APF_SCRATCH
    start_probe "$state/litter" sh "$APF_LIB/litter.sh" "${work%/*}" "${APF_HOME%/*}"
}

run_payload() { # ARGUMENTS...
    APF_OUTCOME=$state/outcome APF_PAYLOAD=$payload
    APF_WRAPPER_SCRATCH=$work
    export APF_OUTCOME APF_PAYLOAD APF_WRAPPER_SCRATCH
    ticks
    payload_tick=$tick
    (
        restore_environment
        trap - HUP INT QUIT TERM XCPU USR1 USR2 CONT EXIT
        # shellcheck disable=SC2086  # a word or nothing
        exec $own_group sh "$APF_LIB/with_options.sh" "$payload" "$APF_LIB/contained.sh" "$APF_HOME/payloads/$payload_file" "$@"
    ) </dev/null &
    payload_pid=$!
    attend
    ticks
    payload_wall=$(((tick - payload_tick) / 100))
    judge_payload
}

# Until it has ended.  After a signal of ours it has its grace, then it is killed.
attend() {
    kill_at=''
    while kill -0 "$payload_pid" 2>/dev/null; do
        if [ -n "$signal" ] && [ -z "$kill_at" ]; then
            kill -s TERM "$payload_pid" 2>/dev/null
            ticks
            kill_at=$((tick + APF_GRACE * 100))
        fi
        if [ -n "$kill_at" ]; then
            ticks
            [ "$tick" -lt "$kill_at" ] || {
                say "the payload does not end: it is killed"
                kill -s KILL "-$payload_pid" 2>/dev/null || kill -s KILL "$payload_pid" 2>/dev/null
            }
        fi
        sleep 0.5 2>/dev/null || sleep 1
    done
    wait "$payload_pid"
    payload_code=$?
    payload_pid=''
}

# What it wrote into $APF_OUTCOME (key=value) tells more than its code.
judge_payload() {
    payload_total='' payload_ok='' payload_failed='' payload_removed='' payload_cut=''
    payload_outcome='' payload_reason='' payload_exit=$payload_code
    if [ -f "$APF_OUTCOME" ]; then
        while IFS='=' read -r key value; do
            case $key in
                total | ok | failed | removed | cut)
                    case $value in '' | *[!0-9]*) ;; *) eval "payload_$key=\$value" ;; esac
                    ;;
                outcome) case $value in ok | empty | failed | cut | node-fault | refused) payload_outcome=$value ;; esac ;;
                reason) payload_reason=$(printf '%s\n' "$value" | one_line | cut -c 1-80) ;;
                exit) case $value in '' | *[!0-9]* | ????*) ;; *) payload_exit=$value ;; esac ;;
            esac
        done <"$APF_OUTCOME"
    fi
    if [ -z "$payload_outcome" ]; then
        case $payload_code in
            0) payload_outcome=ok ;;
            *) payload_outcome=failed ;;
        esac
    fi
    : "${payload_reason:=$payload_outcome}"
    if [ $payload_outcome = ok ] && [ "$payload_total" = 0 ]; then payload_outcome=empty; fi
    if [ $payload_outcome = empty ] && [ "$payload_exit" -eq 0 ] && [ "${APF_EMPTY_EXIT:-0}" -gt 0 ]; then
        payload_exit=$APF_EMPTY_EXIT
    fi
    if [ $payload_outcome = node-fault ]; then owner=site fault_hold=yes; fi
    if [ -n "$signal" ]; then payload_exit=$signal_exit payload_reason=$signal fault_hold=no; fi
}

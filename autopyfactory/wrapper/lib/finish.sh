# shellcheck shell=sh
# The end: everything that we made is removed, one line says what came of it, and a faulty node is held for a while.

finish() { # EXIT REASON OUTCOME
    trap '' HUP INT QUIT TERM XCPU
    end_exit=$1 end_reason=$2 end_outcome=$3
    age
    held=$(hold_time)
    rm -f "$state/reserve"
    write_state
    summarize >"$state/summary"
    report exiting "$end_exit"
    end_reports
    [ ! -f "$state/litter/pid" ] || give_up_probe "$state/litter"
    sweep
    [ "$held" -eq 0 ] || say "the node is at fault: its slot is held for $held s, that other pilots do not fail here"
    echo # a payload's last line may have had no end
    tell_summary
    clean_up
    trap - EXIT
    hold "$held"
    exit "$end_exit"
}

# Node faults only, shorter than what the batch system gives us, none after a signal.
hold_time() {
    if [ "$fault_hold" != yes ] || [ -n "$signal" ]; then echo 0 && return; fi
    hold_for=$APF_HOLD
    left=$(known wall_s)
    if [ -n "$left" ]; then
        left=$((left - age - 60))
        [ "$hold_for" -le "$left" ] || hold_for=$left
    fi
    [ "$hold_for" -gt 0 ] || hold_for=0
    echo "$hold_for"
}

hold() { # SECONDS; the batch system's signals end it
    [ "$1" -gt 0 ] || return 0
    trap 'exit "$end_exit"' HUP INT QUIT TERM XCPU
    ticks
    hold_until=$((tick + $1 * 100))
    while ticks && [ "$tick" -lt "$hold_until" ]; do
        sleep 1
    done
}

write_state() {
    cat >"$state/end" <<END
wrapper|$(printf '%.12s' "$APF_WRAPPER")
factory|${APFFID-}
queue|${FACTORYQUEUE-}
pilot|${APFCID-}
host|$(known host)
started|$born
wall|$age
exit|$end_exit
reason|$end_reason
outcome|$end_outcome
owner|$owner
hold|$held
END
    [ -n "$payload_wall" ] || { [ -z "$payload" ] || echo "payload.name|$payload" >>"$state/end"; return; }
    cat >>"$state/end" <<END
payload.name|$payload
payload.exit|$payload_code
payload.wall|$payload_wall
payload.total|$payload_total
payload.ok|$payload_ok
payload.failed|$payload_failed
payload.removed|$payload_removed
payload.cut|$payload_cut
END
}

summarize() { sh "$APF_LIB/summary.sh" "$state" "$APF_FACTS" "$APF_HOME/checks.list"; }

# On a disk that the payload has filled there may be no room for it.
tell_summary() {
    if [ "$(tail -c 2 "$state/summary" 2>/dev/null)" = '}' ]; then cat "$state/summary" && return; fi
    summarize ||
        printf 'APF-SUMMARY {"schema":1,"exit":%s,"reason":"%s","outcome":"%s"}\n' "$end_exit" "$end_reason" "$end_outcome"
}

# Whatever was started for us, a payload's left-overs too, has our directory in its environment.  Reading that may hang
# as anything on a sick node.
sweep() {
    for _ in 1 2 3; do
        # not in $( ), whose subshell would be found too
        within 5 sh "$APF_LIB/ours.sh" "$APF_HOME" "$$" >"$state/ours"
        ours=$(cat "$state/ours")
        [ -n "$ours" ] || return 0
        # shellcheck disable=SC2086  # many numbers
        kill -s KILL $ours 2>/dev/null
        nap
    done
    # shellcheck disable=SC2086
    say "still running:" $ours
}

clean_up() {
    [ -n "${APF_HOME-}" ] && [ -d "$APF_HOME" ] || return 0
    cd / || return 0
    for made in "$work" "$APF_HOME"; do
        [ -n "$made" ] && [ -d "$made" ] || continue
        chmod -R u+rwX "$made" 2>/dev/null
        rm -rf "$made"
    done
}

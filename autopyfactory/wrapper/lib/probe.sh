# shellcheck shell=sh
# Whatever touches the node may hang for good, and a process that waits for a dead disk cannot be killed.  So it runs
# in the background, says by a file that it has ended, and is left behind when it does not.

if command -v setsid >/dev/null 2>&1; then own_group=setsid; else own_group=''; fi

# start_probe DIRECTORY COMMAND...: DIRECTORY/code appears when it has ended, beside out and err.
start_probe() {
    probe=$1 && shift
    mkdir -p "$probe"
    # shellcheck disable=SC2086  # a word or nothing
    $own_group sh "$APF_LIB/probed.sh" "$probe" "$@" >/dev/null 2>&1 </dev/null &
    echo $! >"$probe/pid"
}

give_up_probe() { # DIRECTORY
    read -r probe_pid <"$1/pid"
    kill -s KILL "-$probe_pid" 2>/dev/null || kill -s KILL "$probe_pid" 2>/dev/null
}

# wait_probe DIRECTORY SECONDS: return its exit code; 124 when it was left behind.
wait_probe() {
    ticks
    probe_until=$((tick + $2 * 100))
    until [ -s "$1/code" ]; do
        ticks
        [ "$tick" -lt "$probe_until" ] || { give_up_probe "$1"; return 124; }
        nap
    done
    read -r probe_code <"$1/code"
    return "$probe_code"
}

# within SECONDS COMMAND...: run a command that may hang; print what it says; 124 when it took too long.
within() {
    within_limit=$1 within_number=0 && shift
    mkdir -p "$APF_HOME/state/within"
    until mkdir "$APF_HOME/state/within/$within_number" 2>/dev/null; do
        within_number=$((within_number + 1))
        [ "$within_number" -lt 1000 ] || return 125
    done
    within_dir=$APF_HOME/state/within/$within_number
    start_probe "$within_dir" "$@"
    wait_probe "$within_dir" "$within_limit"
    within_code=$?
    cat "$within_dir/out" 2>/dev/null
    return $within_code
}

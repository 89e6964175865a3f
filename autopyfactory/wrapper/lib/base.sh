# shellcheck shell=sh disable=SC2034
# Time, words and signals.

say() { echo "$(date -u +%H:%M:%S) $*"; }

# Set $tick: hundredths of a second by a clock that nobody sets.  They begin when the pilot does: some shells count in
# 32 bits.
ticks() {
    read -r tick_up tick_rest 2>/dev/null </proc/uptime || tick_up=$(date +%s).00
    if [ -z "${APF_TICK_ZERO-}" ]; then
        APF_TICK_ZERO=${tick_up%.*}
        export APF_TICK_ZERO
    fi
    tick=$(((${tick_up%.*} - APF_TICK_ZERO) * 100 + 1${tick_up#*.} - 100))
}

begin() {
    born=$(date +%s) signal='' signal_exit=0 work='' payload='' payload_pid='' held=0 owner='' fault_hold=no
    payload_exit='' payload_wall='' reports='' sweepable=no
    ticks
    born_tick=$tick start_dir=$PWD
    printf '%s\n' "$(uname -n) $(namespace) $$ $(start_of $$)" >"$APF_HOME/.owner"
}

age() { ticks && age=$(((tick - born_tick) / 100)); }

# Sleep a moment; not every sleep knows parts of seconds.
nap() { sleep 0.1 2>/dev/null || sleep 1; }

fact() { # KEY VALUE
    printf '%s\n' "$2" >"$APF_FACTS/$1"
}

known() { # KEY [DEFAULT]: print a fact
    if [ -f "$APF_FACTS/$1" ]; then
        sed 1q "$APF_FACTS/$1"
    else
        printf '%s\n' "${2-}"
    fi
}

heed() { # NAME CODE: a signal that ends us
    [ -n "$signal" ] || say "got $1"
    signal=$1 signal_exit=$2
}

pass_on() { # NAME: a signal that the payload may understand
    say "got $1"
    [ -z "$payload_pid" ] || kill -s "$1" "$payload_pid" 2>/dev/null
}

# The process namespace of this boot, and when a process started: together with the number they name it for good.
namespace() {
    ls -l /proc/self/ns/pid 2>/dev/null | sed -n 's/.*pid:\[\([0-9]*\)\].*/\1/p' | tr -d '\n'
    printf '@' && cat /proc/sys/kernel/random/boot_id 2>/dev/null
}

start_of() { # PID
    sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

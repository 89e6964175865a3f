# shellcheck shell=sh disable=SC1091
# does: runs any program, which may come in an archive, with a time limit
# needs:
# option: command= the program: among wrapper.files, in the pilot's directory, a path, or on PATH; unset: the first argument
# option: archive= a tar file among wrapper.files, or addresses separated by blanks; it is unpacked and is the place to work
# option: sha256= digest of the archive, when it is fetched
# option: megabytes=500 an archive that is fetched may have so much
# option: lifetime=0 time limit, in s; 0: what the node leaves
# option: grace=20 time between TERM and KILL, in s
# option: empty= exit code with which it says that there was nothing to do
. "$APF_LIB/payloads.sh"
grace=${APF_WRAPPER_GRACE:-20}

refuse() { # CODE REASON
    outcome outcome=refused "reason=$2" "exit=$1" total=0
    exit "$1"
}

unpack() {
    archive=$APF_FILES/$APF_WRAPPER_ARCHIVE
    if [ ! -f "$archive" ]; then
        archive=$APF_SCRATCH/archive
        # shellcheck disable=SC2086  # words
        fetch "$archive" "${APF_WRAPPER_SHA256-}" "${APF_WRAPPER_MEGABYTES:-500}" 600 $APF_WRAPPER_ARCHIVE || refuse 22 no-archive
    fi
    mkdir -p "$APF_SCRATCH/program" && cd "$APF_SCRATCH/program" || refuse 16 no-scratch
    { gzip -dc "$archive" 2>/dev/null || cat "$archive"; } | tar xf - || refuse 22 archive-damaged
}

program=${APF_WRAPPER_COMMAND-}
if [ -z "$program" ]; then
    [ $# -gt 0 ] || refuse 2 no-command
    program=$1 && shift
fi
[ -z "${APF_WRAPPER_ARCHIVE-}" ] || unpack
for place in "$APF_FILES" "$PWD"; do
    if [ -f "$place/$program" ]; then
        program=$place/$program
        break
    fi
done
[ -f "$program" ] || command -v "$program" >/dev/null 2>&1 || refuse 22 no-such-command
# A directory in which nothing starts is no reason to fail where the first line names the interpreter.
if [ -f "$program" ] && [ ! -x "$program" ]; then chmod u+x "$program" 2>/dev/null; fi
start "$program" "$@"
watch "$(time_left "${APF_WRAPPER_LIFETIME:-0}")"
outcome total=1
case $why in
    ended)
        if [ -n "${APF_WRAPPER_EMPTY-}" ] && [ "$code" -eq "$APF_WRAPPER_EMPTY" ]; then
            outcome outcome=empty reason=empty total=0 exit=0
        elif [ "$code" -eq 0 ]; then
            outcome outcome=ok reason=done ok=1
        else
            outcome outcome=failed "reason=exit-code-$code" failed=1 exit=20
        fi
        ;;
    *) outcome outcome=cut "reason=$why" cut=1 exit=21 ;;
esac
exit "$code"

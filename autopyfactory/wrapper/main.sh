# What a pilot does on its node, in order.  The stub has unpacked us into $APF_HOME and become this script.
# shellcheck shell=sh
set -u
APF_LIB=$APF_HOME/lib APF_FACTS=$APF_HOME/facts APF_FILES=$APF_HOME/files
: "${APF_ROOT=}"
state=$APF_HOME/state
export APF_LIB APF_FACTS APF_FILES APF_ROOT
for part in base probe report environment checks choose payload finish; do
    # shellcheck disable=SC1090  # all are in lib/
    . "$APF_LIB/$part.sh"
done

case ${1-} in
    --apf-list)
        cd "$APF_HOME" && cat checks.list payloads.list rules.list && [ ! -d files ] || ls files
        cd / && rm -rf "$APF_HOME"
        exit 0
        ;;
esac

mkdir -p "$state/checks" "$APF_FACTS" "$APF_FILES"
begin
head -c 65536 /dev/zero >"$state/reserve" # room for our last words on a disk that is full by then
trap 'heed HUP 129' HUP
trap 'heed INT 130' INT
trap 'heed QUIT 131' QUIT
trap 'heed TERM 143' TERM
trap 'heed XCPU 143' XCPU
trap 'pass_on USR1' USR1
trap 'pass_on USR2' USR2
trap ':' CONT
trap clean_up EXIT
set -a
# shellcheck disable=SC1091
. "$APF_HOME/config"
set +a
clean_environment
banner
# The payload has no business with it.
report_token=${APF_REPORT_TOKEN-}
unset APF_REPORT_TOKEN
fact host "$(uname -n)"
report started
printf '%s\n' "self|ok|0|" >>"$state/results"
check_stage 1
make_work
check_stage 2
choose_payload || finish "$unfit_exit" "$unfit_reason" unfit
report running
run_payload "$@"
finish "$payload_exit" "$payload_reason" "$payload_outcome"

# shellcheck shell=sh
# Tell monitors what this pilot does: in the background, for a few seconds at most; it never delays or fails the pilot.

# report STATE [CODE]: started, running or exiting
report() {
    age
    if [ -n "${APFMON-}" ] && [ -n "${APFFID-}" ] && [ -n "${APFCID-}" ]; then
        case $1 in
            started) report_body="state=running&wrapper=$(printf '%.12s' "$APF_WRAPPER")" ;;
            exiting) report_body="state=exiting&rc=${2-0}" ;;
            *) report_body='' ;; # the server takes each state once
        esac
        [ -z "$report_body" ] || start_report "http.$1" post "$APFMON/jobs/$APFFID:$APFCID" "$report_body"
    fi
    if [ -n "${APF_UDP-}" ]; then
        report_state=$1
        [ "$1" != started ] || report_state=running
        [ "$1" = running ] || start_report "udp.$1" datagram "$APF_UDP" \
            "apf-$(printf '%.12s' "$APF_WRAPPER") ${APFFID--}:${APFCID--} $report_state $age ${FACTORYQUEUE--} ${APF_CE:--} ${HARVESTER_ID:-unset} ${HARVESTER_WORKER_ID:-unset} ${GTAG:-unset}"
    fi
    [ -z "${APF_REPORT-}" ] || [ -z "$report_token" ] || report_home "$1"
}

# The factory's own ears: who we are is proven by a token, and at the end it gets the summary at once.
report_home() { # STATE
    {
        printf '{"token":"%s","state":"%s","pilot":"%s","seconds":%s,"host":"%s"' "$report_token" "$1" \
            "${APFCID-}" "$age" "$(known host | tr -cd 'A-Za-z0-9._-')"
        [ ! -s "$state/summary" ] || sed 's/^APF-SUMMARY /,"summary":/' "$state/summary"
        echo '}'
    } >"$state/home.$1"
    start_report "home.$1" postfile "$APF_REPORT" "$state/home.$1"
}

start_report() { # NAME COMMAND...
    report_name=$1 && shift
    start_probe "$state/report.$report_name" sh "$APF_LIB/send.sh" "$@"
    reports="$reports $report_name"
}

# What is not out after some seconds stays behind.
end_reports() {
    for report_name in $reports; do
        wait_probe "$state/report.$report_name" 5 ||
            say "a report did not get through ($(sed -n '$p' "$state/report.$report_name/err" 2>/dev/null))"
    done
}

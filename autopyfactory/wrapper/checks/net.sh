# shellcheck shell=sh disable=SC1091
# does: whether what the payload needs can be reached, directly or through the site's web proxy
# stage: 2
# deadline: 25
# class: limited
# owner: us
# option: endpoints= URLs or host:port that must answer, separated by commas
# option: others= URLs or host:port that tell whether the node has any network
. "$APF_LIB/check.sh"
reach() { # URL or host:port
    case $1 in
        http://* | https://*)
            if command -v curl >/dev/null 2>&1; then within 10 curl -s -o /dev/null -m 9 "$1"
            elif command -v wget >/dev/null 2>&1; then within 10 wget -q -T 9 -t 1 -O /dev/null "$1"
            else
                host=${1#*://} && host=${host%%/*}
                case $host in *:*) ;; *) case $1 in https*) host=$host:443 ;; *) host=$host:80 ;; esac ;; esac
                reach "$host"
                return
            fi
            # an answer of any kind is an answer: 8 is wget's for an HTTP error
            case $? in 0 | 8 | 22) return 0 ;; *) return 1 ;; esac
            ;;
        *)
            if command -v python3 >/dev/null 2>&1; then
                within 10 python3 -c 'import socket, sys
socket.create_connection((sys.argv[1], int(sys.argv[2])), 9).close()' "${1%:*}" "${1##*:}" >/dev/null
            elif command -v perl >/dev/null 2>&1; then
                within 10 perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(PeerAddr => $ARGV[0], Timeout => 9)' "$1"
            elif command -v bash >/dev/null 2>&1; then
                within 10 bash -c 'exec 3<>"/dev/tcp/$1/$2"' - "${1%:*}" "${1##*:}"
            elif command -v nc >/dev/null 2>&1; then
                within 10 nc -z -w 9 "${1%:*}" "${1##*:}"
            else
                broken "no program here can connect"
            fi
            ;;
    esac
}
list() { printf '%s' "$1" | tr ',' ' '; }
lost='' reached=0
for endpoint in $(list "${APF_WRAPPER_ENDPOINTS-}"); do
    if reach "$endpoint"; then reached=$((reached + 1)); else lost="$lost $endpoint"; fi
done
[ -n "$lost" ] || { tell net ok && exit 0; }
tell net bad
# When nothing else answers either it is this node, and not our services.
if [ $reached -eq 0 ] && [ -n "${APF_WRAPPER_OTHERS-}" ]; then
    for other in $(list "$APF_WRAPPER_OTHERS"); do
        if reach "$other"; then reached=1; fi
    done
    [ $reached -gt 0 ] || { tell owner site && tell hold yes; }
fi
fatal "not reached:$lost"

# shellcheck shell=sh
# send.sh post URL BODY | postfile URL FILE | datagram HOST:PORT TEXT: with whatever program this node has.
has() { command -v "$1" >/dev/null 2>&1; }

post() {
    if has curl; then curl -sS -f -m 5 -o /dev/null --data-raw "$2" "$1"
    elif has wget; then wget -q -T 5 -O /dev/null --post-data="$2" "$1"
    elif has python3; then
        python3 -c 'import sys, urllib.request as u; u.urlopen(sys.argv[1], sys.argv[2].encode(), timeout=5)' "$1" "$2"
    else echo "no curl, wget or python3" >&2 && return 1
    fi
}

# Here the body holds a secret, which the list of processes must not show.
postfile() {
    if has curl; then curl -sS -f -m 5 -o /dev/null --data-binary "@$2" "$1"
    elif has wget; then wget -q -T 5 -O /dev/null --post-file="$2" "$1"
    elif has python3; then
        python3 -c 'import sys, urllib.request as u
u.urlopen(sys.argv[1], open(sys.argv[2], "rb").read(), timeout=5)' "$1" "$2"
    else echo "no curl, wget or python3" >&2 && return 1
    fi
}

datagram() {
    if has python3; then
        python3 -c 'import socket, sys
host, port = sys.argv[1].rsplit(":", 1)
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(sys.argv[2].encode(), (host, int(port)))' "$1" "$2"
    elif has perl; then
        perl -MIO::Socket::INET -e 'IO::Socket::INET->new(PeerAddr => $ARGV[0], Proto => "udp")->send($ARGV[1])' "$1" "$2"
    elif has nc; then printf '%s' "$2" | nc -u -w 1 "${1%:*}" "${1##*:}"
    elif has busybox; then printf '%s' "$2" | busybox nc -u -w 1 "${1%:*}" "${1##*:}"
    else echo "no python3, perl or nc" >&2 && return 1
    fi
}

case $1 in
    # twice, since once is lost easily
    post | postfile) "$1" "$2" "$3" || { sleep 1 && "$1" "$2" "$3"; } ;;
    datagram) datagram "$2" "$3" ;;
esac

# shellcheck shell=sh disable=SC1091
# does: compares this node's clock with a server's Date header
# stage: 2
# deadline: 12
# class: limited
# owner: site
# hold: yes
# option: url= where to ask; unset: the monitor, or the factory, that pilots report to
# option: tolerance=300 more than so much apart is a fault, in s
. "$APF_LIB/check.sh"
url=${APF_WRAPPER_URL:-${APFMON:-${APF_REPORT-}}}
[ -n "$url" ] || exit 0
if command -v curl >/dev/null 2>&1; then
    answer=$(within 10 curl -s -I -m 9 "$url")
elif command -v python3 >/dev/null 2>&1; then
    answer=$(within 10 python3 -c 'import http.client, sys, urllib.parse as u
at = u.urlsplit(sys.argv[1])
c = (http.client.HTTPSConnection if at.scheme == "https" else http.client.HTTPConnection)(at.netloc, timeout=9)
c.request("HEAD", at.path or "/")
print("Date:", c.getresponse().headers["Date"])' "$url")
else
    broken "no curl or python3 to ask with"
fi
# The header's form is fixed, and date -d is not everywhere: Sun, 06 Nov 1994 08:49:37 GMT
told=$(printf '%s\n' "$answer" | tr -d '\r' | awk 'tolower($1) == "date:" {
    split("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", names, " ")
    for (i = 1; i <= 12; i++) month[names[i]] = i
    day = $3 + 0; m = month[$4]; year = $5 + 0; split($6, clock, ":")
    if (!m || year < 1970) exit
    if (m <= 2) { year -= 1; m += 12 }
    days = 365 * year + int(year / 4) - int(year / 100) + int(year / 400) + int((153 * (m - 3) + 2) / 5) + day - 719469
    printf "%d\n", ((days * 24 + clock[1]) * 60 + clock[2]) * 60 + clock[3]
    exit
}')
whole "$told" || broken "$url does not tell the time"
skew=$(($(date +%s) - told))
tell clock_skew_s "$skew"
skew=${skew#-}
[ "$skew" -le "${APF_WRAPPER_TOLERANCE:-300}" ] || fatal "the clock is $skew s off"
[ "$skew" -le 5 ] || limited "the clock is $skew s off"

# shellcheck shell=sh disable=SC1091
# does: the X.509 proxy that payloads use: there and valid long enough
# stage: 2
# deadline: 10
# class: limited
# owner: vo
# exit: 11
# option: file= the proxy's file; unset: X509_USER_PROXY
# option: lifetime=0 time that it must still be valid, in s
. "$APF_LIB/check.sh"
file=${APF_WRAPPER_FILE:-${X509_USER_PROXY:-/tmp/x509up_u$(id -u)}}
[ -s "$file" ] && [ -r "$file" ] || fatal "no proxy in $file"
grep -q -e '-----BEGIN CERTIFICATE-----' "$file" || fatal "$file holds no certificate"
command -v openssl >/dev/null 2>&1 || broken "no openssl to look into $file"
for seconds in 0 "${APF_WRAPPER_LIFETIME:-0}"; do
    if ! openssl x509 -in "$file" -noout -checkend "$seconds" >/dev/null 2>&1; then
        tell exit 12
        fatal "$file ends within $seconds s ($(openssl x509 -in "$file" -noout -enddate 2>/dev/null))"
    fi
done
tell proxy_subject "$(openssl x509 -in "$file" -noout -subject 2>/dev/null | sed 's/^subject= *//')"

# shellcheck shell=sh disable=SC1091
# does: whether certificates of authorities are there, and one server's certificate is accepted
# stage: 2
# deadline: 15
# class: limited
# owner: site
# option: url= an https address whose certificate must be accepted
. "$APF_LIB/check.sh"
store=''
for place in "${X509_CERT_DIR-}" /etc/grid-security/certificates /cvmfs/grid.cern.ch/etc/grid-security/certificates /etc/ssl/certs /etc/pki/tls/certs; do
    [ -n "$place" ] || continue
    if within 5 ls "$place" | grep -q .; then store=$place && break; fi
done
[ -n "$store" ] || limited "no certificates of authorities"
tell ca "$store"
[ -n "${APF_WRAPPER_URL-}" ] || exit 0
command -v curl >/dev/null 2>&1 || broken "no curl to try with"
case $store in
    *grid-security* | "${X509_CERT_DIR:-none}") within 10 curl -s -o /dev/null -m 9 --capath "$store" "$APF_WRAPPER_URL" ;;
    *) within 10 curl -s -o /dev/null -m 9 "$APF_WRAPPER_URL" ;;
esac
case $? in 35 | 51 | 58 | 60 | 77 | 83) fatal "the certificate of $APF_WRAPPER_URL is not accepted" ;; esac

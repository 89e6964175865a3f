# shellcheck shell=sh disable=SC1091
# does: whether names are resolved: this node's own, and one of others
# stage: 2
# deadline: 12
# class: limited
# owner: site
# option: name= a further host name that must be resolved
. "$APF_LIB/check.sh"
ask() { # NAME
    if command -v getent >/dev/null 2>&1; then within 5 getent hosts "$1" >/dev/null
    else within 5 nslookup "$1" >/dev/null; fi
}
own=$(uname -n)
if [ -n "${APF_WRAPPER_NAME-}" ]; then
    ask "$APF_WRAPPER_NAME"
    case $? in 0) ;; 124) fatal "$APF_WRAPPER_NAME: no answer in 5 s" ;; *) fatal "$APF_WRAPPER_NAME is not resolved" ;; esac
fi
ask "$own"
case $? in 0) ;; 124) limited "$own: no answer in 5 s" ;; *) limited "the node's own name $own is not resolved" ;; esac

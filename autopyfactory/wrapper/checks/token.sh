# shellcheck shell=sh disable=SC1091
# does: the token that payloads use: there, ours alone, valid now and long enough, for the right audience
# stage: 2
# deadline: 5
# class: limited
# owner: vo
# exit: 11
# option: file= the token's file; unset: BEARER_TOKEN_FILE
# option: audience= what its audience must be or hold
# option: lifetime=0 time that it must still be valid, in s
. "$APF_LIB/check.sh"
file=${APF_WRAPPER_FILE:-${BEARER_TOKEN_FILE-}}
[ -n "$file" ] || fatal "no token is named"
[ -s "$file" ] && [ -r "$file" ] || fatal "no token in $file"
text=$(tr -d ' \r\n' <"$file")
body=$(printf '%s' "$text" | cut -d . -f 2)
case $((${#body} % 4)) in 2) body=$body== ;; 3) body=$body= ;; esac
claims=$(printf '%s' "$body" | tr -- '-_' '+/' | (base64 -d || openssl base64 -d -A) 2>/dev/null)
# Some shells count in 32 bits: what lies beyond is as far away as they can see.
claim() {
    printf '%s' "$claims" | tr -d '\n' | sed -n "s/.*\"$1\" *: *\([0-9][0-9]*\).*/\1/p" |
        awk '{ print ($1 > 2147483647 ? "2147483647" : $1) }'
}
case $claims in *'"iss"'*) ;; *) fatal "$file holds no token" ;; esac
now=$(date +%s)
expiry=$(claim exp)
if [ -n "$expiry" ]; then
    tell token_left_s $((expiry - now))
    if [ "$expiry" -le "$now" ]; then
        tell exit 12
        fatal "$file expired $((now - expiry)) s ago"
    fi
    if [ $((expiry - now)) -lt "${APF_WRAPPER_LIFETIME:-0}" ]; then
        tell exit 12
        fatal "$file is valid for $((expiry - now)) s more, $APF_WRAPPER_LIFETIME needed"
    fi
fi
start=$(claim nbf)
if [ -n "$start" ] && [ "$start" -gt $((now + 5)) ]; then fatal "$file is not valid before $((start - now)) s from now"; fi
if [ -n "${APF_WRAPPER_AUDIENCE-}" ]; then
    case $claims in
        *'"aud"'*"\"$APF_WRAPPER_AUDIENCE\""*) ;;
        *) fatal "$file is not for $APF_WRAPPER_AUDIENCE" ;;
    esac
fi
# shellcheck disable=SC2012  # one file whose name we know
case $(ls -lL "$file" | cut -c 5-10) in ------) ;; *) limited "$file can be read by others" ;; esac

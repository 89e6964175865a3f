# shellcheck shell=sh disable=SC1091
# does: leaves nodes alone that the factory lists, by pattern of name or address, with reason and end
# stage: 1
# deadline: 6
# class: fatal
# owner: us
# exit: 19
# option: file=blacklist name of the list among wrapper.files: PATTERN [UNTIL-YYYY-MM-DD] [REASON] in each line
. "$APF_LIB/check.sh"
list=$APF_FILES/${APF_WRAPPER_FILE:-blacklist}
[ -f "$list" ] || exit 0
names="$(uname -n) $(within 2 hostname -I 2>/dev/null)" # no addresses: then the name alone counts
today=$(date -u +%Y%m%d)
while read -r pattern rest; do
    case $pattern in '' | '#'*) continue ;; esac
    case $rest in
        [0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*)
            end=$(printf '%s' "$rest" | cut -c 1-10 | tr -d -)
            rest=$(printf '%s' "$rest" | cut -c 12-)
            [ "$end" -ge "$today" ] || continue
            ;;
    esac
    for name in $names; do
        # shellcheck disable=SC2254  # a pattern it is
        case $name in $pattern) fatal "$name is on the list: ${rest:-no reason given}" ;; esac
    done
done <"$list"

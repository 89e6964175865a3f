# shellcheck shell=sh
# litter.sh DIRECTORY...: remove what dead pilots of this user on this node left there.
# shellcheck disable=SC1091
. "$APF_LIB/base.sh"
here="$(uname -n) $(namespace)"
for place; do
    for left in "$place"/apf-wrapper.* "$place"/apf-work.*; do
        [ -f "$left/.owner" ] && [ -r "$left/.owner" ] && [ -w "$left" ] || continue
        read -r host name pid started <"$left/.owner"
        [ "$host $name" = "$here" ] || continue # another node's or container's: not ours to judge
        case $pid in '' | *[!0-9]*) continue ;; esac
        [ "$(start_of "$pid")" != "$started" ] || continue
        chmod -R u+rwX "$left" 2>/dev/null
        rm -rf "$left"
    done
done

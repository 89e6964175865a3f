# shellcheck shell=sh disable=SC1091
# does: whether the commands that a payload calls are there
# stage: 1
# deadline: 5
# class: limited
# owner: site
# hold: yes
# option: commands=awk,sed,grep,tar,gzip,cut,tr,sort commands that must be there
. "$APF_LIB/check.sh"
missing=''
for command in $(printf '%s' "${APF_WRAPPER_COMMANDS:-awk,sed,grep,tar,gzip,cut,tr,sort}" | tr ',' ' '); do
    command -v "$command" >/dev/null 2>&1 || missing="$missing $command"
done
[ -z "$missing" ] || fatal "not here:$missing"

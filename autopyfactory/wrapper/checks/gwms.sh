# shellcheck shell=sh disable=SC1091
# does: runs a validation script written for glideinWMS, with a glidein_config of its own
# stage: 2
# deadline: 60
# class: fatal
# owner: site
# hold: yes
# option: script= its name among wrapper.files
. "$APF_LIB/check.sh"
[ -n "${APF_WRAPPER_SCRIPT-}" ] || broken "option script is not set"
script=$APF_FILES/$APF_WRAPPER_SCRIPT
[ -f "$script" ] || broken "$APF_WRAPPER_SCRIPT is not among the files"
command -v bash >/dev/null 2>&1 || broken "these scripts need bash"
place=$APF_HOME/state/gwms.$APF_MODULE
mkdir -p "$place" && cd "$place" || broken "no place to work"
# add_config_line and its twins, as such scripts source them, and the error generator that they call
cat >add_config_line.source <<'END'
warn() { echo "$@" 1>&2; }
add_config_line() { grep -v "^$1 " "$glidein_config" >"$glidein_config.new"; echo "$@" >>"$glidein_config.new"; mv "$glidein_config.new" "$glidein_config"; }
add_config_line_safe() { add_config_line "$@"; }
add_condor_vars_line() { echo "$@" >>"${condor_vars_file:-condor_vars.lst}"; }
gconfig_get() { awk -v name="$1" '$1 == name { $1 = ""; print substr($0, 2) }' "${2:-$glidein_config}" | tail -n 1; }
gconfig_add() { add_config_line "$@"; }
END
cat >error_gen.sh <<'END'
#!/bin/sh
# error_gen.sh -ok|-error ID [TYPE MESSAGE KEY VALUE...]
case $1 in
    -ok) : >"${0%/*}/said.ok" ;;
    *) printf '%s: %s\n' "${3-}" "${4-}" >"${0%/*}/said.error" ;;
esac
END
chmod 700 error_gen.sh
{
    echo "ADD_CONFIG_LINE_SOURCE $place/add_config_line.source"
    echo "ERROR_GEN_PATH $place/error_gen.sh"
    echo "CONDOR_VARS_FILE $place/condor_vars.lst"
    echo "GLIDEIN_WORK_DIR $place"
    echo "GLIDEIN_ENTRY_NAME ${FACTORYQUEUE:-none}"
    echo "GLIDEIN_Name ${APFFID:-none}"
    echo "TMP_DIR ${TMPDIR:-/tmp}"
    for file in "$facts"/*; do
        [ ! -f "$file" ] || echo "APF_${file##*/} $(sed 1q "$file")"
    done
} >glidein_config
: >condor_vars.lst
cp glidein_config before
glidein_config=$place/glidein_config PATH=$place:$PATH bash "$script" "$place/glidein_config" main >out 2>&1
code=$?
# what it added becomes facts, in our spelling
grep -vxF -f before glidein_config 2>/dev/null | while read -r name value; do
    tell "gwms_$(printf '%s' "$name" | tr 'A-Z.-' 'a-z__' | tr -cd 'a-z0-9_')" "$value"
done
tail -n 5 out >&2
[ $code -eq 0 ] || fatal "$APF_WRAPPER_SCRIPT ended with $code: $(cat said.error 2>/dev/null)"

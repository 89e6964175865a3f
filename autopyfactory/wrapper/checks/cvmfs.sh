# shellcheck shell=sh disable=SC1091
# does: whether CVMFS repositories answer: mounted, a file can be read, no I/O errors
# stage: 2
# deadline: 25
# class: limited
# owner: site
# hold: yes
# option: repositories= their names, separated by commas
# option: mount=/cvmfs where they are mounted
. "$APF_LIB/check.sh"
mount=${APF_WRAPPER_MOUNT:-/cvmfs}
names=$(printf '%s' "${APF_WRAPPER_REPOSITORIES-}" | tr ',' ' ')
[ -n "$names" ] || exit 0
place=$APF_HOME/state/cvmfs
# The last file that can be read easily: every repository has this one at its top, others at least a directory.
for name in $names; do
    # shellcheck disable=SC2016  # the other shell's
    start_probe "$place/$name" sh -c 'cd "$1" && ls -d . >/dev/null && { [ ! -e .cvmfsdirtab ] || dd if=.cvmfsdirtab of=/dev/null bs=512 count=1; } &&
        { attr -q -g nioerr . 2>/dev/null || true; }; code=$?; attr -q -g revision . 2>/dev/null; exit $code' - "$mount/$name"
done
bad=''
ticks
until=$((tick + 2000))
for name in $names; do
    ticks
    wait_probe "$place/$name" $((until > tick ? (until - tick) / 100 : 0))
    key=cvmfs_$(printf '%s' "$name" | tr 'A-Z.-' 'a-z__' | tr -cd 'a-z0-9_')
    if [ ! -s "$place/$name/code" ]; then
        tell "$key" hung
        bad="$bad $name hangs;"
    elif [ "$(cat "$place/$name/code")" -ne 0 ]; then
        tell "$key" bad
        bad="$bad $name: $(sed -n '$p' "$place/$name/err" | cut -c 1-60);"
    else
        errors=$(sed -n 1p "$place/$name/out")
        if whole "$errors" && [ "$errors" -gt 0 ]; then
            tell "$key" bad
            bad="$bad $name has had $errors I/O errors;"
        else
            tell "$key" ok
        fi
    fi
done
[ -z "$bad" ] || fatal "${bad# }"

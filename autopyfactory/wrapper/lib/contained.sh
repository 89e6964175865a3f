# shellcheck shell=sh
# contained.sh PAYLOAD ARGUMENTS...: the payload, in a container if its option `container` names an image.
set -u
[ -n "${APF_WRAPPER_CONTAINER-}" ] || exec sh "$@"
program=$(sed 1q "$APF_FACTS/apptainer" 2>/dev/null)
[ -n "$program" ] || program=$(command -v apptainer || command -v singularity) || {
    echo "outcome=node-fault
reason=no-apptainer
exit=18" >"$APF_OUTCOME"
    exit 18
}
# The place where we work, our own parts and the files that came along are the same inside.
exec "$program" exec --bind "$APF_HOME" --bind "$APF_SCRATCH" --bind "$PWD" --pwd "$PWD" "$APF_WRAPPER_CONTAINER" sh "$@"

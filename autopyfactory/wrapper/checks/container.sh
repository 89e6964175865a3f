# shellcheck shell=sh disable=SC1091
# does: finds apptainer and runs a command in an image with it
# stage: 2
# deadline: 60
# class: limited
# owner: site
# hold: yes
# option: image= an image to try; unset: only the program is looked for
. "$APF_LIB/check.sh"
found=''
for program in "${APF_WRAPPER_PROGRAM-}" apptainer singularity "/cvmfs/oasis.opensciencegrid.org/mis/apptainer/bin/apptainer" \
    "/cvmfs/atlas.cern.ch/repo/containers/sw/apptainer/$(uname -m)-el9/current/bin/apptainer"; do
    [ -n "$program" ] || continue
    case $program in
        /*) within 10 test -x "$program" && found=$program && break ;;
        *) found=$(command -v "$program") && break ;;
    esac
done
if within 5 unshare -Ur true; then tell userns yes; else tell userns no; fi
[ -n "$found" ] || { tell container no && fatal "no apptainer"; }
version=$(within 10 "$found" --version) || { tell container no && fatal "$found does not start"; }
tell apptainer "$found"
tell apptainer_version "$version"
if [ -n "${APF_WRAPPER_IMAGE-}" ]; then
    # what it printed is looked at out here: some failures come with exit code 0
    answer=$(within 50 "$found" exec "$APF_WRAPPER_IMAGE" echo apf-was-inside)
    case $answer in *apf-was-inside*) ;; *) tell container no && fatal "$found cannot run $APF_WRAPPER_IMAGE" ;; esac
fi
tell container yes

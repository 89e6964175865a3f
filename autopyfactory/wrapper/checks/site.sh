# shellcheck shell=sh disable=SC1091
# does: runs the check that the site has put in APF_SITE_CHECK, under the same contract
# stage: 2
# deadline: 60
# class: limited
# owner: site
# hold: yes
. "$APF_LIB/check.sh"
[ -n "${APF_SITE_CHECK-}" ] || exit 0
[ -r "$APF_SITE_CHECK" ] || broken "cannot read $APF_SITE_CHECK"
tell site_check "$APF_SITE_CHECK"
if [ -x "$APF_SITE_CHECK" ]; then exec "$APF_SITE_CHECK" "$facts"; fi
exec sh "$APF_SITE_CHECK" "$facts"

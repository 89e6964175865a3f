# shellcheck shell=sh disable=SC1090
# with_options.sh MODULE SCRIPT...: with the module's options in its environment, as APF_WRAPPER_<OPTION>, and its
# arguments before those that the pilot was given.
APF_MODULE=$1 && shift
export APF_MODULE
[ ! -f "$APF_HOME/options/$APF_MODULE" ] || . "$APF_HOME/options/$APF_MODULE"
[ ! -f "$APF_HOME/arguments/$APF_MODULE" ] || . "$APF_HOME/arguments/$APF_MODULE"
exec sh "$@"

# shellcheck shell=sh
# What the node's environment may do to us, and what people may see of it.

# A site's settings for the dynamic loader or an interpreter break our own programs; payloads get them back.
site_settings='LD_PRELOAD PYTHONHOME PYTHONPATH PYTHONSTARTUP PERL5LIB PERL5OPT'

clean_environment() {
    for name in $site_settings; do
        eval "site_value=\${$name-}"
        # shellcheck disable=SC2154  # set by eval
        [ -z "$site_value" ] || printf '%s' "$site_value" >"$state/site.$name"
        unset "$name"
    done
    # Windows newlines, the factory's own digest and so on need no cleaning.
    case ${HOME-} in
        '' | / | /nonexistent) HOME=$APF_HOME ;;
        # it may be on a dead mount
        *) within 5 sh -c '[ -d "$HOME" ] && [ -w "$HOME" ]' || HOME=$APF_HOME ;;
    esac
    export HOME
}

restore_environment() {
    for name in $site_settings; do
        [ ! -f "$state/site.$name" ] || export "$name=$(cat "$state/site.$name")"
    done
}

banner() {
    echo "AutoPyFactory wrapper $(printf '%.12s' "$APF_WRAPPER"), $(date -u +%Y-%m-%dT%H:%M:%SZ)"
    echo "  on $(uname -n) ($(uname -srm)) as $(id -un 2>/dev/null || id -u) in $PWD"
    for name in APFFID APFCID APFMON GTAG FACTORYQUEUE FACTORYUSER FACTORY_JOBID PANDA_JSID HARVESTER_ID HARVESTER_WORKER_ID; do
        eval "echo \"  $name=\${$name-}\""
    done | mask_lines
    echo "environment, without secrets:"
    show_environment | sed 's/^/  /'
}

# Each variable in a line of printable characters, cut at 300; what may be a secret is not shown.
show_environment() {
    awk "$mask_program"'
        BEGIN { for (name in ENVIRON) print masked(name, ENVIRON[name]) }' | sort
}

mask_lines() {
    awk "$mask_program"'{ at = index($0, "="); name = substr($0, 1, at - 1); gsub(/ /, "", name)
        print "  " masked(name, substr($0, at + 1)) }'
}

# shellcheck disable=SC2016  # awk's dollars
mask_program='
    function masked(name, value,   upper) {
        gsub(/[^ -~]/, "?", value)
        upper = toupper(name)
        if (upper ~ /TOKEN|SECRET|PASS|CREDENTIAL|COOKIE|PRIVATE|API_?KEY|ACCESS_?KEY|_KEY$|^KEY$|AUTH$|PROXY_INFO/ \
            && value !~ /^\/[^ ]*$/ && value !~ /^[0-9]*$/) value = "***"
        gsub(/eyJ[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)*/, "***", value)
        gsub(/:\/\/[^\/@ ]*@/, "://***@", value)
        gsub(/-----BEGIN .*/, "***", value)
        gsub(/[Bb]earer +[^ ]+/, "Bearer ***", value)
        return name "=" substr(value, 1, 300)
    }
'

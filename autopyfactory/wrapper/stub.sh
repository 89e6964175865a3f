#!/bin/sh
# A pilot of AutoPyFactory: it checks this node, chooses a payload, runs it and says what came of it.
# Made by `autopyfactory wrapper build`; `sh THIS-FILE --apf-list` shows what it carries.
apf_damaged() { # REASON
    echo "apf: this wrapper cannot be used: $1" >&2
    printf 'APF-SUMMARY {"schema":1,"exit":%s,"reason":"%s","outcome":"damaged"}\n' "${2:-17}" "$1"
    exit "${2:-17}"
}

apf_sha256() { # of standard input; empty where no program can tell
    if command -v sha256sum; then sha256sum
    elif command -v openssl; then openssl dgst -sha256 -r
    elif command -v shasum; then shasum -a 256
    elif command -v python3; then
        python3 -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())'
    fi 2>/dev/null | sed -n '$s/^\([0-9a-f]\{64\}\).*/\1/p'
}

apf_archive() { sed '1,/^#ARCHIVE#$/d' "$apf_self"; }

apf_decode() {
    if command -v base64 >/dev/null 2>&1; then base64 -d
    elif command -v openssl >/dev/null 2>&1; then openssl base64 -d
    else python3 -c 'import base64, sys; sys.stdout.buffer.write(base64.b64decode(sys.stdin.buffer.read()))'
    fi
}

apf_untar() {
    if command -v tar >/dev/null 2>&1 && command -v gzip >/dev/null 2>&1; then gzip -dc | tar xf -
    else python3 -c 'import sys, tarfile; tarfile.open(fileobj=sys.stdin.buffer, mode="r|gz").extractall()'
    fi
}

# A directory on a dead mount waits for ever, and who looks at it cannot be killed: it is left behind.
apf_make() {
    # in a subshell: where a redirection of a special command fails, the shell itself ends
    (mkdir -m 700 "$APF_HOME" 2>/dev/null && : >"$APF_HOME/.try") 2>/dev/null &
    apf_maker=$! apf_waited=0
    while kill -0 $apf_maker 2>/dev/null; do
        [ $apf_waited -lt 50 ] || { kill -s KILL $apf_maker 2>/dev/null && apf_dead="$apf_dead $apf_base " && return 1; }
        apf_waited=$((apf_waited + 1))
        sleep 0.1 2>/dev/null || { sleep 1 && apf_waited=$((apf_waited + 9)); }
    done
    wait $apf_maker
}

apf_place() { # a new directory of ours, in the first place that can be written to
    apf_try=0 apf_dead=''
    while [ $apf_try -lt 20 ]; do
        for apf_base in "${_CONDOR_SCRATCH_DIR-}" "${OSG_WN_TMP-}" "${SLURM_TMPDIR-}" "${TMPDIR-}" "$PWD" /tmp /var/tmp; do
            [ -n "$apf_base" ] || continue
            case $apf_dead in *" $apf_base "*) continue ;; esac
            APF_HOME=$apf_base/apf-wrapper.$$.$apf_try
            apf_make && return
            case $apf_dead in *" $apf_base "*) continue ;; esac
            rmdir "$APF_HOME" 2>/dev/null
        done
        apf_try=$((apf_try + 1))
    done
    return 1
}

apf_start() {
    set -u
    umask 077
    unset BASH_ENV ENV CDPATH GREP_OPTIONS POSIXLY_CORRECT
    IFS='
 	'
    LC_ALL=C PATH=${PATH:-/usr/bin:/bin}:/usr/bin:/bin:/usr/sbin:/sbin
    export LC_ALL PATH
    apf_self=$0
    case $apf_self in /*) ;; *) apf_self=$PWD/$apf_self ;; esac
    [ -f "$apf_self" ] && [ -r "$apf_self" ] || apf_damaged no-file
    apf_found=$(apf_sha256 <"$apf_self")
    apf_wanted=${APF_WRAPPER_SHA256-}
    if [ -n "$apf_found" ] && [ -n "$apf_wanted" ] && [ "$apf_found" != "$apf_wanted" ]; then
        apf_damaged not-what-was-sent
    fi
    if [ -n "$apf_found" ]; then
        [ "$(apf_archive | apf_sha256)" = "@SHA256@" ] || apf_damaged archive-damaged
    else
        [ "$(apf_archive | cksum)" = "@CKSUM@" ] || apf_damaged archive-damaged
        echo "apf: no program here makes SHA-256 digests: compared by cksum only" >&2
    fi
    apf_place || apf_damaged no-scratch 16
    # shellcheck disable=SC2015  # the archive has a main.sh of its own
    apf_archive | apf_decode | (cd "$APF_HOME" && apf_untar) && [ -f "$APF_HOME/main.sh" ] ||
        { rm -rf "$APF_HOME" && apf_damaged cannot-unpack; }
    APF_WRAPPER=${apf_found:-unknown}
    export APF_HOME APF_WRAPPER
    command -v sh >/dev/null 2>&1 || exec /bin/sh "$APF_HOME/main.sh" "$@"
    exec sh "$APF_HOME/main.sh" "$@"
}

apf_start "$@"
exit 17
#ARCHIVE#

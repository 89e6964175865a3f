# shellcheck shell=sh
# fetch FILE SHA256 MEGABYTES SECONDS ADDRESS...: the first address that gives what the digest says; fail if none does.
# An address is a URL, or a path on this node.

digest_of() { # FILE
    if command -v sha256sum >/dev/null 2>&1; then sha256sum <"$1"
    elif command -v openssl >/dev/null 2>&1; then openssl dgst -sha256 -r <"$1"
    elif command -v shasum >/dev/null 2>&1; then shasum -a 256 <"$1"
    else python3 -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())' <"$1"
    fi | cut -c 1-64
}

fetch() {
    fetch_file=$1 fetch_digest=$2 fetch_bytes=$(($3 * 1048576)) fetch_limit=$4 && shift 4
    for fetch_from; do
        # shellcheck disable=SC2016  # the other shell's
        case $fetch_from in
            http://* | https://*)
                within "$fetch_limit" sh -c 'if command -v curl >/dev/null 2>&1; then curl -sS -f -L --connect-timeout 20 -m "$4" "$1"
                    elif command -v wget >/dev/null 2>&1; then wget -q -T 20 -O - "$1"
                    else python3 -c "import shutil, sys, urllib.request as u
shutil.copyfileobj(u.urlopen(sys.argv[1], timeout=20), sys.stdout.buffer)" "$1"; fi | head -c "$3" >"$2"' \
                    - "$fetch_from" "$fetch_file" "$fetch_bytes" "$fetch_limit"
                ;;
            *) within "$fetch_limit" sh -c 'head -c "$3" "$1" >"$2"' - "${fetch_from#file://}" "$fetch_file" "$fetch_bytes" ;;
        esac
        fetch_found=$(digest_of "$fetch_file" 2>/dev/null)
        if [ -s "$fetch_file" ] && [ "$fetch_found" = "$fetch_digest" ]; then return 0; fi
        say "not what is wanted from $fetch_from: $(wc -c 2>/dev/null <"$fetch_file") bytes, digest $fetch_found"
        rm -f "$fetch_file"
    done
    return 1
}

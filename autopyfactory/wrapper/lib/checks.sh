# shellcheck shell=sh
# Run the checks of one stage side by side, each for its deadline at most, and write down what they found.
# checks.list: NAME|FILE|STAGE|DEADLINE|CLASS|OWNER|EXIT|HOLD, as their headers say.  results: NAME|RESULT|MS|REASON.

check_stage() { # STAGE
    waiting=''
    while IFS='|' read -r check file stage rest; do
        [ "$stage" = "$1" ] || continue
        ticks
        printf '%s\n' "$tick" >"$state/checks/$check.started"
        start_probe "$state/checks/$check" sh "$APF_LIB/with_options.sh" "$check" "$APF_HOME/checks/$file" "$APF_FACTS"
        waiting="$waiting $check"
    done <"$APF_HOME/checks.list"
    while [ -n "$waiting" ]; do
        [ -z "$signal" ] || finish "$signal_exit" "$signal" stopped
        look_at_checks
        [ -z "$waiting" ] || nap
    done
}

look_at_checks() {
    still='' && ticks
    for check in $waiting; do
        read -r started <"$state/checks/$check.started"
        spent=$((tick - started))
        if [ -s "$state/checks/$check/code" ]; then
            settle "$check" $((spent * 10))
        elif [ "$spent" -ge $(($(column "$check" 4) * 100)) ]; then
            give_up_probe "$state/checks/$check"
            echo 124 >"$state/checks/$check/code"
            echo "no end after $(column "$check" 4) s" >>"$state/checks/$check/err"
            settle "$check" $((spent * 10))
        else
            still="$still $check"
        fi
    done
    waiting=$still
}

column() { # CHECK NUMBER: of checks.list
    sed -n "s/^$1|/&/p" "$APF_HOME/checks.list" | cut -d '|' -f "$2"
}

settle() { # CHECK MILLISECONDS
    read -r settled <"$state/checks/$1/code"
    case $settled in
        0) result=ok ;; 41) result=limited ;; 42) result=fatal ;; 124) result=hung ;; *) result=broken ;;
    esac
    take_facts "$1"
    reason=$(one_line <"$state/checks/$1/err")
    printf '%s|%s|%s|%s\n' "$1" "$result" "$2" "$reason" >>"$state/results"
    [ $result = ok ] || say "check $1: $result: $reason"
}

# The last line, as plain text of one line that fits into a table.
one_line() { sed -n '$p' | LC_ALL=C tr '|' '/' | LC_ALL=C tr -c '\n -~' '?' | cut -c 1-200; }

# A check's words about itself (exit, hold, owner) go beside its result, all others to the facts.
take_facts() { # CHECK
    dd if="$state/checks/$1/out" bs=8192 count=1 2>/dev/null >"$state/said"
    while IFS= read -r line || [ -n "$line" ]; do
        key=${line%%=*}
        case $line in [a-z]*=*) ;; *) continue ;; esac
        case $key in
            *[!a-z0-9_]*) ;;
            exit | hold | owner) printf '%s\n' "${line#*=}" >"$state/checks/$1.$key" ;;
            *) fact "$key" "${line#*=}" ;;
        esac
    done <"$state/said"
}

about() { # CHECK exit|hold|owner COLUMN: as the check said, else as declared
    if [ -f "$state/checks/$1.$2" ]; then sed 1q "$state/checks/$1.$2"; else column "$1" "$3"; fi
}

result_of() { # CHECK
    sed -n "s/^$1|\([a-z]*\)|.*/\1/p" "$state/results"
}

# Set $bar to the first check that forbids a payload with these needs; fail if there is none.
barred() { # NEEDS
    while IFS='|' read -r bar file stage deadline class rest; do
        case $(result_of "$bar") in fatal | hung) ;; *) continue ;; esac
        [ "$class" = fatal ] && return 0
        case " $1 " in *" $bar "*) return 0 ;; esac
    done <"$APF_HOME/checks.list"
    return 1
}

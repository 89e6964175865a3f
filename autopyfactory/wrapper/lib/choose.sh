# shellcheck shell=sh
# Which payload: rules over the facts, first match first; a payload whose needs failed is passed over.
# rules.list: PAYLOAD|TERM&TERM...; a TERM is `fact OP value` or `N%`.  payloads.list: PAYLOAD|FILE|NEEDS.

choose_payload() {
    first_bar=''
    luck=$(random_percent)
    for candidate in $(matching); do
        needs=$(sed -n "s/^$candidate|[^|]*|//p" "$APF_HOME/payloads.list")
        if ! barred "$needs"; then
            payload=$candidate payload_file=$(sed -n "s/^$candidate|\([^|]*\)|.*/\1/p" "$APF_HOME/payloads.list")
            say "the payload is $payload"
            return 0
        fi
        say "$candidate cannot run here: $bar"
        : "${first_bar:=$bar}"
    done
    [ -n "$first_bar" ] || { unfit_exit=18 unfit_reason=no-payload-fits owner=vo && return 1; }
    unfit_exit=$(about "$first_bar" exit 7) unfit_reason=$first_bar
    fault_hold=$(about "$first_bar" hold 8) owner=$(about "$first_bar" owner 6)
    return 1
}

random_percent() { # 0..99
    number=$(dd if=/dev/urandom bs=2 count=1 2>/dev/null | od -An -tu1 | tr -s ' \n' ' ')
    # shellcheck disable=SC2086  # two words
    set -- $number
    echo $(((${1:-0} * 256 + ${2:-0}) % 100))
}

# Names of the payloads whose rule holds, in order, each once.
matching() {
    for file in "$APF_FACTS"/*; do
        [ ! -f "$file" ] || printf 'fact|%s|%s\n' "${file##*/}" "$(sed 1q "$file")"
    done | cat - "$APF_HOME/rules.list" | awk -v luck="$luck" '
        function number(text) { return text ~ /^-?[0-9]+(\.[0-9]+)?$/ }
        function holds(term,   part, have, want, op) {
            if (term ~ /^[0-9]+%$/) return luck < term + 0
            split(term, part, " ")
            op = part[2]; want = substr(term, length(part[1] op) + 3)
            if (!(part[1] in facts)) return op == "!="
            have = facts[part[1]]
            if (op == "~") return have ~ want
            if (number(have) && number(want)) { have += 0; want += 0 } else { have = have ""; want = want "" }
            if (op == "==") return have == want
            if (op == "!=") return have != want
            if (op == ">=") return have >= want
            if (op == "<=") return have <= want
            if (op == ">") return have > want
            return have < want
        }
        /^fact\|/ { at = index(substr($0, 6), "|"); facts[substr($0, 6, at - 1)] = substr($0, 6 + at); next }
        {
            at = index($0, "|"); name = substr($0, 1, at - 1)
            n = split(substr($0, at + 1), terms, "&"); good = 1
            for (i = 1; i <= n; i++) if (terms[i] != "" && !holds(terms[i])) good = 0
            if (good && !(name in seen)) { seen[name] = 1; print name }
        }'
}

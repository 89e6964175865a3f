# shellcheck shell=sh
# summary.sh STATE FACTS CHECKS: the summary as one line of JSON, from what the pilot wrote down.  Its schema is in
# docs/wrapper.md; autopyfactory/wrapper/summary.py reads it.
for file in "$2"/*; do
    [ ! -f "$file" ] || printf 'fact|%s|%s\n' "${file##*/}" "$(sed 1q "$file" | LC_ALL=C tr -c '\n -~' '?' | cut -c 1-200)"
done | LC_ALL=C sort -t '|' -k 2,2 | cat - "$1/end" | LC_ALL=C awk -v results="$1/results" '
    # by hand: awks differ in what gsub takes a backslash for
    function quoted(text,   i, c, out) {
        for (i = 1; i <= length(text); i++) {
            c = substr(text, i, 1)
            if (c == "\"" || c == "\\") out = out "\\"
            out = out (c ~ /[^ -~]/ ? "?" : c)
        }
        return "\"" out "\""
    }
    function value(text) { return text ~ /^(0|[1-9][0-9]?[0-9]?[0-9]?[0-9]?[0-9]?[0-9]?[0-9]?[0-9]?[0-9]?[0-9]?[0-9]?[0-9]?[0-9]?[0-9]?)$/ ? text : quoted(text) }
    function add(list, text) { return list == "" ? text : list "," text }
    {
        at = index($0, "|"); name = substr($0, 1, at - 1); rest = substr($0, at + 1)
        if (name == "fact") {
            at = index(rest, "|")
            facts = add(facts, quoted(substr(rest, 1, at - 1)) ":" value(substr(rest, at + 1)))
        } else if (name ~ /^payload\./) {
            name = substr(name, 9)
            if (rest != "") payload = add(payload, quoted(name) ":" (name == "name" ? quoted(rest) : value(rest)))
        } else if (name ~ /^(started|wall|exit|hold)$/) top = add(top, quoted(name) ":" value(rest))
        else if (rest != "") top = add(top, quoted(name) ":" quoted(rest))
    }
    END {
        while ((getline line < results) > 0) {
            split(line, part, "|")
            one = "{\"name\":" quoted(part[1]) ",\"result\":" quoted(part[2]) ",\"ms\":" value(part[3])
            reason = substr(line, length(part[1] part[2] part[3]) + 4)
            checks = add(checks, one (reason == "" ? "" : ",\"reason\":" quoted(reason)) "}")
        }
        print "APF-SUMMARY {\"schema\":1," top ",\"payload\":{" payload "},\"checks\":[" checks "],\"facts\":{" facts "}}"
    }'

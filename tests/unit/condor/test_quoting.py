import re

import classad2
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from autopyfactory.condor import quoting

texts = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0\n\r\x0b\x0c"))
tricky = st.text(st.sampled_from("$()\\\"' aF[]é\t#"), max_size=12)


comparable = (texts | tricky).map(lambda text: text.replace("\\", ""))


@given(comparable)
@example('a"b"')
def test_a_constraint_string_evaluates_to_the_text(text):
    assert classad2.ExprTree(quoting.constraint_string(text)).eval() == text


@given(comparable)
def test_a_constraint_string_means_what_the_bindings_own_quoting_means(text):
    ours, theirs = quoting.constraint_string(text), classad2.quote(text)
    assert classad2.ExprTree(ours).eval() == classad2.ExprTree(theirs).eval()


@given(comparable, comparable)
def test_no_text_can_break_out_of_a_constraint(name, other):
    tree = classad2.ExprTree(f"X == {quoting.constraint_string(name)}")
    assert tree.eval(classad2.ClassAd({"X": name})) is True
    assume(name.lower() != other.lower())
    assert tree.eval(classad2.ClassAd({"X": other})) is False


@pytest.mark.parametrize("text", ["\\", 'a\\"b', "a\\nb"])
def test_a_backslash_means_different_things_to_daemons_and_bindings(text):
    with pytest.raises(ValueError, match="backslash"):
        quoting.constraint_string(text)


@pytest.mark.parametrize("bad", ["a\nb", "a\r", "\0", "a\x0bb", "\x0c", "\ud800"])
@pytest.mark.parametrize(
    "quote",
    [quoting.macro, quoting.attr, quoting.constraint_string, lambda text: quoting.words(["ok", text])],
)
def test_line_breaks_nul_and_lone_surrogates_are_rejected(quote, bad):
    with pytest.raises(ValueError):
        quote(bad)


def unescaped(text: str) -> list[str]:
    """What the submit language would still expand, by its rules: $$ is a pair, $( and $NAME( are expanded."""
    rest = text.replace("$(DOLLAR)", "~").replace("$$(DOLLARDOLLAR)", "~")
    return [m.group() for m in re.finditer(r"\$\$|\$\(|\$[A-Za-z_]\w*\(", rest) if m.group() != "$$"]


@given(tricky)
@pytest.mark.parametrize("quote", [quoting.macro, quoting.attr, lambda text: quoting.words([text])])
def test_nothing_is_left_to_expand(quote, text):
    try:
        quoted = quote(text)
    except ValueError:
        return  # refused rather than changed
    assert unescaped(quoted) == []


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("plain", "plain"),
        ("$HOME", "$HOME"),
        ("$(Cluster)", "$(DOLLAR)(Cluster)"),
        ("$ENV(HOME)", "$(DOLLAR)ENV(HOME)"),
        ("$$(Arch)", "$$(DOLLARDOLLAR)(Arch)"),
        ("$$$F(x)", "$$$(DOLLAR)F(x)"),
        ("cost: 5$ or $$", "cost: 5$ or $$"),
    ],
)
def test_only_dollars_that_mean_something_are_escaped(text, quoted):
    assert quoting.macro(text) == quoted


@pytest.mark.parametrize("text", ["$(DOLLAR)", "$(dollar)", "$Fn($(x))", "$(a:$(b))", "$$$(x)"])
def test_what_the_submit_language_cannot_say_is_refused(text):
    for quote in (quoting.macro, quoting.attr, lambda text: quoting.words([text])):
        with pytest.raises(ValueError):
            quote(text)


@pytest.mark.parametrize("text", ["C:\\", "end\\ ", "\\\t"])
def test_a_backslash_at_the_end_would_swallow_the_next_line(text):
    with pytest.raises(ValueError, match="backslash"):
        quoting.macro(text)
    with pytest.raises(ValueError, match="swallow"):
        quoting.check_description({"output": text})
    quoting.check_description({"arguments": quoting.words([text]), "+X": quoting.attr(text)})


def test_words():
    assert quoting.words([]) == '""'
    assert quoting.words(["a", "b c", "", "it's", 'say "hi"', "x\ty"]) == (
        """"a 'b c' '' 'it''s' 'say ""hi""' 'x\ty'\""""
    )


def test_an_attribute_escapes_only_the_double_quote():
    assert quoting.attr('a"b\\n') == '"a\\"b\\n"'
    with pytest.raises(ValueError):
        quoting.attr("$$(Arch)")


@pytest.mark.parametrize(
    "key", ["queue", "Queue", "if", "endif", "a b", "", "a=b", "#x", "@x", "a\nb", "+", "x:"]
)
def test_keys_that_are_no_commands_are_rejected(key):
    with pytest.raises(ValueError, match="not a submit command"):
        quoting.check_description({key: "1"})


def test_ordinary_descriptions_pass():
    quoting.check_description(
        {
            "universe": "grid",
            "+remote_queue": '"x"',
            "My.MATCH_APF_QUEUE": '"q"',
            "x509userproxy": "/p",
            "log": "",
        }
    )

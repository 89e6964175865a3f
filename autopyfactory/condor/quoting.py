"""Text that must arrive in a job exactly as it is, and text that must stay text in a constraint.

The submit language expands `$`, joins a line that ends in a backslash with the next one, and takes a line
break for the end of a command: a value pasted in unchecked can add or swallow commands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

_KEY = re.compile(r"\+?[A-Za-z_][A-Za-z0-9_.]*")
# Words that begin a statement, not a command, when a submit description is read as text.
_STATEMENTS = frozenset(("queue", "if", "elif", "else", "endif"))
_EXPANDED = re.compile(r"(?<!\$)((?:\$\$)*)\$(?=\(|[A-Za-z_]\w*\()")
_UNSAYABLE = re.compile(r"\$\(DOLLAR|\$\w*\([^)]*\$(?:\(|\w+\()|\$\$\$\(", re.IGNORECASE)
_AT_MATCH = re.compile(r"(?<!\$)\$\$\(")
_BREAK = re.compile("[\0\n\r\x0b\x0c]")


def check(text: str) -> str:
    """The text itself. Raises ValueError for line breaks, NUL, and what cannot be written as UTF-8."""
    if _BREAK.search(text):
        raise ValueError(f"line break or NUL character in {text!r}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"not encodable as UTF-8: {text!r}") from None
    return text


def macro(text: str) -> str:
    """Text as the right-hand side of any submit command, with every `$` literal. Raises ValueError.

    Blanks at either end are lost, as everywhere in the submit language.
    """
    if check(text).rstrip().endswith("\\"):
        raise ValueError(f"a backslash at the end would join the next line: {text!r}")
    return _matched(_literal(text))


def words(items: Iterable[str]) -> str:
    """Words as the value of `arguments`; "NAME=value" words as that of `environment`. Raises ValueError."""
    quoted = []
    for item in items:
        word = check(item).replace("'", "''")
        if not word or re.search(r"[\s']", word):
            word = f"'{word}'"
        quoted.append(word.replace('"', '""'))
    return _matched(_literal('"' + " ".join(quoted) + '"'))


def attr(text: str) -> str:
    """Text as the value of a job attribute (`+Name` or `My.Name`). Raises ValueError.

    Here only the double quote is escaped; a backslash stands for itself.
    """
    # In the queue nobody would undo an escape of it, and at a match the plain text would be expanded.
    if "$$(" in check(text):
        raise ValueError(f"an attribute cannot hold $$( as plain text: {text!r}")
    return _literal('"' + text.replace('"', '\\"') + '"')


def constraint_string(text: str) -> str:
    """Text as a string literal in a ClassAd constraint. Raises ValueError, also for a backslash.

    The bindings read a constraint in the new ClassAd syntax, the daemons in the old one, and the two disagree
    about backslashes: what one of them takes for the text, the other one does not.
    """
    if "\\" in check(text):
        raise ValueError(f"a constraint cannot compare with a backslash: {text!r}")
    return '"' + text.replace('"', '\\"') + '"'


def check_description(description: Mapping[str, str]) -> None:
    """Raise ValueError for a submit description that HTCondor would read as other commands than these."""
    for key, value in description.items():
        if not _is_command(key):
            raise ValueError(f"not a submit command: {key!r}")
        if check(value).rstrip().endswith("\\"):
            raise ValueError(f"{key}: a backslash at the end would swallow the next command: {value!r}")


@lru_cache(1000)  # the same ones come with each submission
def _is_command(key: str) -> bool:
    return bool(_KEY.fullmatch(key)) and key.lower() not in _STATEMENTS


def _literal(text: str) -> str:
    """Escape each `$` that the submit language would expand, and no other.

    `$$` is skipped as a pair; `$(` and `$NAME(` are expanded. An escape within the parentheses of another
    one is not undone again, the name of the escape itself cannot be written at all, and `$$$(` would need
    both this escape and that for `$$(`.
    """
    if _UNSAYABLE.search(text):
        raise ValueError(f"cannot be written in the submit language: {text!r}")
    return _EXPANDED.sub(r"\1$(DOLLAR)", text)


def _matched(text: str) -> str:
    """Escape `$$(`, which is expanded when the job is matched to a machine."""
    return _AT_MATCH.sub("$$(DOLLARDOLLAR)(", text)

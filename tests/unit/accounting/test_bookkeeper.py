"""Tags of submissions are unique, whoever else draws numbers; all else of it is tested with the factory."""

from __future__ import annotations

import os
import random

from autopyfactory.accounting.bookkeeper import new_tag


def test_no_tag_comes_twice_whatever_others_do_with_their_numbers() -> None:
    tags = set()
    for _ in range(1000):
        random.seed(1)
        tags.add(new_tag())
    assert len(tags) == 1000
    assert all(len(tag) == 32 and int(tag, 16) >= 0 for tag in tags)


def test_a_forked_process_has_tags_of_its_own() -> None:
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.write(write, new_tag().encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 100).decode() != new_tag()
    os.close(read), os.close(write)

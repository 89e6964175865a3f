"""What is found out once for each object, when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class once(Generic[T]):  # written like `property`
    """A property that keeps its value in the object's `__dict__`.

    Up to Python 3.11 `functools.cached_property` makes all objects of a class wait for each other: a plugin
    that hangs while one queue asks it would stop every queue. Here nobody waits; of two threads that ask at
    the same time both find it out, and get the same value.
    """

    def __init__(self, find_out: Callable[[Any], T]) -> None:
        self._find_out = find_out
        self.__doc__ = find_out.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        """Take the name."""
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> once[T]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> once[T] | T:
        """Find it out; once it is in `__dict__` Python does not come here any more."""
        if instance is None:
            return self
        value: T = instance.__dict__.setdefault(self._name, self._find_out(instance))
        return value

"""Functions that are built in as those of the C package are.

A C function is told whether the caller gave a mapping of keywords at all: `f(x)` and `f(x, **{})` are not
the same call, and the package refuses the second. A function written in Python cannot see the difference.
"""

import _thread
import ctypes
import sys
from collections.abc import Callable
from enum import IntFlag
from typing import Any

Implementation = Callable[[tuple[Any, ...], dict[str, Any] | None], Any]


class Takes(IntFlag):
    """How a function takes its arguments: CPython's own flags."""

    UNNAMED = 0x0001
    BOTH = 0x0003
    NOTHING = 0x0004


class _MethodDef(ctypes.Structure):
    _fields_ = (
        ("ml_name", ctypes.c_char_p),
        ("ml_meth", ctypes.c_void_p),
        ("ml_flags", ctypes.c_int),
        ("ml_doc", ctypes.c_char_p),
    )


_ForNothing = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_void_p)
_ForUnnamed = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object)
_ForBoth = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
_new_function = ctypes.pythonapi.PyCFunction_NewEx
_new_function.restype = ctypes.py_object
_new_function.argtypes = [ctypes.POINTER(_MethodDef), ctypes.c_void_p, ctypes.py_object]

# CPython keeps pointers to these for as long as the functions live, which is for ever.
_kept: list[Any] = []


def builtin(
    module: str, name: str, doc: str, takes: Takes, implementation: Implementation
) -> Callable[..., Any]:
    """Return a built-in function that calls `implementation(args, kwargs)`, which must not raise.

    `kwargs` is None where the caller gave no mapping. What `takes` rules out, CPython refuses with a
    `TypeError`.
    """

    def run(args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> Any:
        try:
            return implementation(args, kwargs)
        except KeyboardInterrupt:
            # An exception cannot pass through here; the main thread gets it as soon as we are back.
            _thread.interrupt_main()
            return None

    def with_nothing(_: int | None, __: int | None) -> Any:
        return run((), None)

    def with_unnamed(_: int | None, args: tuple[Any, ...]) -> Any:
        return run(args, None)

    def with_both(_: int | None, args: tuple[Any, ...], kwargs: int | None) -> Any:
        return run(args, ctypes.cast(kwargs, ctypes.py_object).value if kwargs else None)

    callback: Any
    match takes:
        case Takes.NOTHING:
            callback = _ForNothing(with_nothing)
        case Takes.UNNAMED:
            callback = _ForUnnamed(with_unnamed)
        case _:
            callback = _ForBoth(with_both)
    definition = _MethodDef(name.encode(), ctypes.cast(callback, ctypes.c_void_p).value, takes, doc.encode())
    _kept.append((callback, definition))
    made: Callable[..., Any] = _new_function(ctypes.byref(definition), None, module)
    return made


if sys.platform == "win32":
    _sleep = ctypes.PyDLL("kernel32").Sleep

    def hold_gil(microseconds: int) -> None:
        """Stand still without letting any other Python thread of this process run."""
        _sleep(microseconds // 1000)

else:
    _sleep = ctypes.PyDLL(None).usleep
    _sleep.argtypes = [ctypes.c_uint32]

    def hold_gil(microseconds: int) -> None:
        """Stand still without letting any other Python thread of this process run."""
        while microseconds > 0:
            _sleep(min(microseconds, 4_000_000_000))
            microseconds -= 4_000_000_000

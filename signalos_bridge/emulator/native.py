"""Functions that are built in as those of the C package are.

A C function is told whether the caller gave a mapping of keywords at all: `f(x)` and `f(x, **{})` are not
the same call, and the package refuses the second. A function written in Python cannot see the difference.
"""

import _thread
import ctypes
import sys
from collections.abc import Callable
from typing import Any

Implementation = Callable[[tuple[Any, ...], dict[str, Any] | None], Any]

_METH_VARARGS = 0x0001
_METH_KEYWORDS = 0x0002


class _MethodDef(ctypes.Structure):
    _fields_ = (
        ("ml_name", ctypes.c_char_p),
        ("ml_meth", ctypes.c_void_p),
        ("ml_flags", ctypes.c_int),
        ("ml_doc", ctypes.c_char_p),
    )


_Callback = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
_new_function = ctypes.pythonapi.PyCFunction_NewEx
_new_function.restype = ctypes.py_object
_new_function.argtypes = [ctypes.POINTER(_MethodDef), ctypes.c_void_p, ctypes.py_object]

# CPython keeps pointers to these for as long as the functions live, which is for ever.
_kept: list[Any] = []


def builtin(module: str, name: str, doc: str, implementation: Implementation) -> Callable[..., Any]:
    """Return a built-in function that calls `implementation(args, kwargs)`.

    `kwargs` is None where the caller gave no mapping. The implementation must not raise.
    """

    def called(_: int | None, args: tuple[Any, ...], kwargs: int | None) -> Any:
        given = None if not kwargs else ctypes.cast(kwargs, ctypes.py_object).value
        try:
            return implementation(args, given)
        except KeyboardInterrupt:
            # An exception cannot pass through here; the main thread gets it as soon as we are back.
            _thread.interrupt_main()
            return None

    callback = _Callback(called)
    definition = _MethodDef(
        name.encode(),
        ctypes.cast(callback, ctypes.c_void_p).value,
        _METH_VARARGS | _METH_KEYWORDS,
        doc.encode(),
    )
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

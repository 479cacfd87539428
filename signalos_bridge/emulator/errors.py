"""The codes of `last_error()` with their texts."""

from enum import IntEnum


class LastError(IntEnum):
    OK = 1
    FAIL = -1
    INVALID_PARAMS = -2
    NO_MEMORY = -3
    NOT_FOUND = -4
    INVALID_VERSION = -5
    AUTH_FAILED = -6
    UNSUPPORTED = -7
    AUTO_TRADING_DISABLED = -8
    INTERNAL = -10000
    SEND = -10001
    RECEIVE = -10002
    INIT = -10003
    CONNECT = -10004
    TIMEOUT = -10005


TEXTS: dict[int, str] = {
    LastError.OK: "Success",
    LastError.FAIL: "Terminal: Call failed",
    LastError.INVALID_PARAMS: "Terminal: Invalid params",
    LastError.NO_MEMORY: "Terminal: Out of memory",
    LastError.NOT_FOUND: "Terminal: Not found",
    LastError.INVALID_VERSION: (
        "Terminal: Incompatible versions, please install the latest version of Terminal and Python module"
    ),
    LastError.AUTH_FAILED: "Terminal: Authorization failed",
    LastError.UNSUPPORTED: "Terminal: Unsupported function",
    LastError.AUTO_TRADING_DISABLED: "Auto-Trading using Python API disabled in Terminal",
    LastError.INTERNAL: "IPC call failed",
    LastError.SEND: "IPC send failed",
    LastError.RECEIVE: "IPC recv failed",
    LastError.INIT: "IPC initialize failed",
    LastError.CONNECT: "No IPC connection",
    LastError.TIMEOUT: "IPC timeout",
}


class CallFailed(Exception):  # noqa: N818 - an answer, not an error of the program
    """A call of the API that answers `None` (or False) and sets `last_error()`."""

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(code, text)
        self.code = int(code)
        self.text = text or TEXTS.get(self.code, "")

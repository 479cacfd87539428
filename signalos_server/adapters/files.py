"""Files that are either the old or the new, and never somebody else's to read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def gateway_key(data_dir: Path) -> str:
    """Return the key in `<data_dir>/gateway.key`, which is made at the first start, for its owner only."""
    path = data_dir / "gateway.key"
    if path.exists():
        key = path.read_text("ascii").strip()
        if len(key) >= 32:
            return key
    key = secrets.token_urlsafe(32)
    write_private(path, key)
    return key


def write_private(path: Path, text: str) -> None:
    """Replace `path` atomically with `text`, readable by its owner only, and on the disk on return."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise

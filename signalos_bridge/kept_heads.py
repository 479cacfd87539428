"""The audit's heads on this machine's disk: plain JSON, so that `signalos audit verify` reads it anywhere."""

from __future__ import annotations

import json
from pathlib import Path

from signalos_bridge import files
from signalos_bridge.domain.audit_heads import AuditHead, KeptHeads

HEADS_FILE = "audit_heads.json"


class HeadsDamaged(Exception):  # noqa: N818 (it names a state of the world, not a fault)
    """The file cannot be read: nothing is known of how the audit was."""


def store(data_dir: Path, kept: KeptHeads) -> None:
    """Write them whole and synced. Raises `OSError`."""
    body = {"heads": _rows(kept.heads), "contradicted": _rows(kept.contradicted)}
    files.write_whole(data_dir / HEADS_FILE, json.dumps(body, indent=1).encode())


def load(data_dir: Path) -> KeptHeads:
    """Return what is kept, nothing where there is no file. Raises `HeadsDamaged`."""
    try:
        found = json.loads((data_dir / HEADS_FILE).read_bytes())
        return KeptHeads(_heads(found["heads"]), _heads(found["contradicted"]))
    except FileNotFoundError:
        return KeptHeads()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HeadsDamaged(str(error)) from error


def _rows(heads: tuple[AuditHead, ...]) -> list[dict[str, object]]:
    return [{"chain": head.chain, "number": head.number, "hash": head.hash} for head in heads]


def _heads(rows: list[dict[str, object]]) -> tuple[AuditHead, ...]:
    return tuple(AuditHead(str(row["chain"]), int(str(row["number"])), str(row["hash"])) for row in rows)

"""The vocabulary: one module a language, each a table from concept to the phrases that express it.

To add a word, add it to the table of its language; to add a language, add a module and name it here. How
tables are written (what is folded, which words are weak) is told in `docs/signal-grammar.md`.
"""

from __future__ import annotations

from signalos_server.domain.signals.words import (
    arabic,
    chinese,
    english,
    french,
    german,
    hindi,
    indonesian,
    italian,
    portuguese,
    russian,
    spanish,
    turkish,
)
from signalos_server.domain.signals.words.concepts import Concept

# English first: where two languages give one spelling to different concepts, the earlier table wins.
LANGUAGES: tuple[tuple[str, dict[Concept, str]], ...] = (
    ("en", english.WORDS),
    ("es", spanish.WORDS),
    ("pt", portuguese.WORDS),
    ("fr", french.WORDS),
    ("de", german.WORDS),
    ("it", italian.WORDS),
    ("id", indonesian.WORDS),
    ("tr", turkish.WORDS),
    ("ru", russian.WORDS),
    ("ar", arabic.WORDS),
    ("hi", hindi.WORDS),
    ("zh", chinese.WORDS),
)

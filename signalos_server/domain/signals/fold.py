"""One spelling for each letter and digit, with the way back to the original text.

`fold` lower-cases, takes compatibility forms apart (bold, full width, circled), strips accents where the
words are stored without them, reads every script's decimal digits, and drops what is invisible. Nothing
here joins two digits that were apart or splits two that were together: invisible characters excepted,
every character keeps its place, and digits that are marks rather than figures (keycaps, superscripts,
circled) become index characters that no number can contain.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

# Private-use characters for digits that number something (TP¹, ②, 3⃣) and are never a price.
INDEX_BASE = 0xE000
INDEX_MAXIMUM = 20
# Stands for anything pictorial.
PICTURE = "\ue0ff"

_KEYCAP = "\u20e3"
_VARIATION = "\ufe0f"
# Controls that show text in another order than it is stored in.
_REORDERING = frozenset(chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
_DASHES = dict.fromkeys("‐‑‒–—―−﹘﹣－➖", "-")
_QUOTES = {"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "“": '"', "”": '"', "«": '"', "»": '"'}
_PUNCTUATION = {
    "،": ",",
    "、": ", ",
    # A comma between Chinese words parts a list; it is never a decimal comma.
    "，": ", ",
    "٫": ".",
    "٬": ",",
    "؛": ";",
    "؟": "?",
    "。": ".",
    "।": ".",
    "《": "(",
    "》": ")",
    "【": "(",
    "】": ")",
    "「": "(",
    "」": ")",
    "｛": "(",
    "｝": ")",
    "{": "(",
    "}": ")",
    "[": "(",
    "]": ")",
    "➡": "→",
    "➜": "→",
    "➔": "→",
    "►": "→",
    "👉": "→",
    "～": "~",
    "〜": "~",
    "…": "...",
    # A tick is kept apart from other pictures: behind a target it says that the target was hit.
    "✅": "\ue0f0",
    "✔": "\ue0f0",
    "☑": "\ue0f0",
    "❓": "?",
    "❔": "?",
    "❗": "!",
    "➕": "+",
    "➖": "-",
    "∞": " infinity ",
    "💲": "$",
}
_FRACTIONS = {"½": " half ", "¼": " quarter ", "¾": " 75% ", "⅓": " third "}
# Traditional Chinese characters as their simplified forms, so that the tables need one of them.
_TRADITIONAL = dict(
    zip(
        "買賣損標價單倉開進場現區間黃銀歐鎊紐點數風險減離後時當會嗎訂調動體設獲達觸發應該別無沒還請個們這條關於為"
        "轉準備預計報槓桿撐壓貨瓊納頭賺虧錢漲強運續結總績戰業種較幣從與並經讓給說話對錯誤長術圖線週號訊訊擊過邊遠近"
        "確認變換參與據證實際專員費戶賬帳資產",
        "买卖损标价单仓开进场现区间黄银欧镑纽点数风险减离后时当会吗订调动体设获达触发应该别无没还请个们这条关于为"
        "转准备预计报杠杆撑压货琼纳头赚亏钱涨强运续结总绩战业种较币从与并经让给说话对错误长术图线周号讯讯击过边远近"
        "确认变换参与据证实际专员费户账账资产",
        strict=True,
    )
)
_SINGLE = {
    **_DASHES,
    **_QUOTES,
    **_PUNCTUATION,
    **_FRACTIONS,
    **_TRADITIONAL,
    "ı": "i",
    "İ": "i",
    "ß": "ss",
    "أ": "ا",
    "إ": "ا",
    "آ": "ا",
    "ى": "ي",
    "ة": "ه",
    "ـ": "",
    "ی": "ي",
    "ک": "ك",
    "ё": "е",
    "Ё": "е",
    "\r": "\n",
    "\v": "\n",
    "\f": "\n",
    "\x85": "\n",
    "\u2028": "\n",
    "\u2029": "\n",
    "\t": " ",
}
# Accents are stripped from these scripts only: in Devanagari the marks are vowels.
_STRIPPED = ("LATIN", "CYRILLIC", "GREEK", "ARABIC")


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text: `places[i]` is the place in the original of `text[i]`, with one more for the end."""

    text: str
    places: tuple[int, ...] | range
    reordering: bool = False
    markup: bool = False


def fold(text: str) -> Folded:
    """Return the text in one spelling. Never fails, whatever the characters."""
    if text.isascii() and "\r" not in text:
        lowered = text.translate(_ASCII)
        if len(lowered) == len(text):
            return Folded(lowered, range(len(text) + 1))
    pieces: list[str] = []
    places: list[int] = []
    reordering = False
    for place, character in enumerate(text):
        if character in _REORDERING:
            reordering = True
        elif character == _KEYCAP:
            _make_keycap(pieces)
        elif character == "\r" and text[place + 1 : place + 2] == "\n":
            continue
        else:
            piece = _CACHE.get(character)
            if piece is None:
                piece = _fold_character(character)
                if len(_CACHE) < _CACHE_LIMIT:
                    _CACHE[character] = piece
            for letter in piece:
                pieces.append(letter)
                places.append(place)
    places.append(len(text))
    return Folded("".join(pieces), tuple(places), reordering)


_ASCII = {ord(upper): upper.lower() for upper in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"} | {
    ord("\t"): " ",
    ord("\v"): "\n",
    ord("\f"): "\n",
    ord("`"): "'",
    ord("["): "(",
    ord("]"): ")",
    ord("{"): "(",
    ord("}"): ")",
}
_CACHE: dict[str, str] = {}
_CACHE_LIMIT = 20_000


def _make_keycap(pieces: list[str]) -> None:
    """Turn the digit just read into an index: it was drawn on a key."""
    if pieces and pieces[-1].isdigit() and pieces[-1].isascii():
        pieces[-1] = chr(INDEX_BASE + int(pieces[-1]))


def _fold_character(character: str) -> str:
    known = _SINGLE.get(character)
    if known is not None:
        return known
    category = unicodedata.category(character)
    if character == "\n":
        return "\n"
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "No":
        return _index(character)
    if category in ("Cf", "Cc", "Cn", "Cs", "Me") or character == _VARIATION:
        return ""
    if category == "Co":
        # A private-use character means nothing to anyone else, and ours must not come from outside.
        return PICTURE
    if category.startswith("Z"):
        return "\n" if category in ("Zl", "Zp") else " "
    if category == "Mn" and "\u0300" <= character <= "\u036f":
        return ""
    squared = _squared_letter(character)
    if squared:
        return squared
    if category in ("So", "Sk"):
        plain = unicodedata.normalize("NFKC", character)
        return plain.lower() if plain.isascii() and plain.isalpha() else PICTURE
    return _plain_letters(character)


def _plain_letters(character: str) -> str:
    decomposed = unicodedata.normalize("NFKD", character)
    if unicodedata.name(decomposed[0], "").startswith(_STRIPPED):
        decomposed = "".join(letter for letter in decomposed if unicodedata.category(letter) != "Mn")
        return "".join(_SINGLE.get(letter, letter) for letter in decomposed.casefold())
    composed = unicodedata.normalize("NFKC", character).casefold()
    return "".join(_SINGLE.get(letter, letter) for letter in composed)


def _index(character: str) -> str:
    """Return a superscript or circled number as an index character."""
    value = unicodedata.numeric(character, -1.0)
    if value == int(value) and 0 <= value <= INDEX_MAXIMUM:
        return chr(INDEX_BASE + int(value))
    return PICTURE


def _squared_letter(character: str) -> str:
    """Return the letter of 🅑 🅄 🆈, which has no compatibility form; flags (🇺🇸) stay pictures."""
    code = ord(character)
    for first in (0x1F130, 0x1F150, 0x1F170):
        if first <= code < first + 26:
            return chr(ord("a") + code - first)
    return ""

"""Which instrument a word names, in broker-neutral spelling.

Codes (XAUUSD, US30) are exact; aliases (gold, Dow) are words that also appear in the names of channels, so
the grammar prefers a code to an alias. A broker's suffix (EURUSD.m, XAUUSDpro) is taken off a code only,
and only where what is left is a code.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

CURRENCIES = frozenset(
    "usd eur gbp jpy chf cad aud nzd sek nok dkk pln huf czk try zar mxn sgd hkd cnh thb ils rub brl inr"
    "".split()
)

# Canonical code -> other exact codes of it. All lower case.
_CODES: dict[str, str] = {
    "XAUUSD": "xauusd xau goldusd usdxau",
    "XAGUSD": "xagusd xag silverusd",
    "XAUEUR": "xaueur",
    "XPTUSD": "xptusd",
    "XPDUSD": "xpdusd",
    "US30": "us30 dj30 dji dji30 djia ws30 us30usd wallstreet30 ym ym1 dow30 usa30 dj wallst",
    "NAS100": "nas100 us100 ustec ndx ndx100 nq nq1 usnas100 nas100usd ustech us100usd usa100 "
    "nsdq100 ustech100 nasdaq100 usndx nas nsdq ust100",
    "SPX500": "spx500 spx us500 sp500 spx500usd us500usd usa500 spxusd ususpx500 es1 usspx500",
    "US2000": "us2000 rty russell2000",
    "GER40": "ger40 ger30 de40 de30 dax40 dax30 dax gdaxi germany40 germany30 deu40 deidxeur grxeur de40eur",
    "UK100": "uk100 ftse ftse100 gbridx ukx",
    "FRA40": "fra40 cac40 fr40 france40 cac",
    "EU50": "eu50 eustx50 stoxx50 eustoxx50 estx50",
    "JP225": "jp225 jpn225 nikkei225 nikkei nk225 n225",
    "HK50": "hk50 hsi hk33",
    "AUS200": "aus200 asx200 au200",
    "USOIL": "usoil xtiusd wti wtiusd uscrude oilusd cl1 usousd clusd wticousd crudeoil",
    "UKOIL": "ukoil xbrusd brent brentusd ukousd",
    "NATGAS": "natgas xngusd ngas natgasusd",
    "USDX": "usdx dxy",
    "VIX": "vix",
}
_CRYPTO = (
    "btc eth xrp sol doge ltc bnb ada dot link avax matic bch xlm trx uni atom etc xmr shib near apt arb op"
)
_COINS = frozenset(_CRYPTO.split())
# Bare tickers that are no everyday word.
_BARE_CRYPTO = frozenset("btc eth xrp ltc bnb doge".split())

# Words for an instrument, in any language. Phrases parted by commas; folded like any text.
_ALIASES: dict[str, str] = {
    "XAUUSD": "gold, gold spot, spot gold, xau usd, oro, ouro, altın, altin, emas, золото, золота, "
    "золоту, голд, ذهب, الذهب, دهب, الدهب, للذهب, بالذهب, सोना, गोल्ड, सोने, 黄金, 黃金, "
    "現貨黃金, 现货黄金, sona, l'or, xau/usd, ons, ons altın",
    "XAGUSD": "silver, spot silver, xag usd, plata, prata, silber, gümüş, perak, серебро, серебра, فضة, "
    "الفضة, चांदी, 白银, 白銀, l'argent, argent métal, argento",
    "US30": "dow, dow jones, dowjones, wall street, dow 30, us 30, us wall street 30, доу, доу джонс, "
    "داو, الداو, داو جونز, الداو جونز, 道琼斯, 道指, dow industrial, dj 30, डाउ, डाउ जोन्स, "
    "道瓊",
    "NAS100": "nasdaq, nas 100, us 100, nasdaq 100, nasdac, nasdq, us tech 100, us tech, насдак, ناسداك, "
    "الناسداك, النازداك, 纳斯达克, 纳指, नैस्डैक, 納斯達克",
    "SPX500": "s&p, s&p500, s&p 500, sp 500, spx 500, s and p 500, us 500, es&p, إس اند بي, 标普, 标普500",
    "GER40": "ger 40, ger 30, german index, germany 40, dax 40, дакс, داكس, الداكس, 德指, de 40, "
    "deutscher aktienindex",
    "UK100": "uk 100, ftse 100",
    "JP225": "nikkei 225, jp 225, 日经",
    "FRA40": "cac 40",
    "USOIL": "oil, crude, crude oil, us oil, wti oil, wti crude, petróleo, petrolio, pétrole, petrol, "
    "öl, rohöl, нефть, minyak, نفط, النفط, तेल, कच्चा तेल, 原油, ham petrol, brut, crudo, "
    "petróleo crudo, нефти, minyak mentah, us crude, us crude oil, 美原油",
    "UKOIL": "brent oil, brent crude, brent petrol, брент, uk oil, برنت, 布伦特",
    "NATGAS": "natural gas, nat gas",
    "BTCUSD": "bitcoin, bit coin, биткоин, биткойн, بيتكوين, البيتكوين, बिटकॉइन, 比特币, 比特幣, биток, "
    "xbt, xbtusd",
    "ETHUSD": "ethereum, ether, эфириум, эфир, ايثريوم, الايثريوم, 以太坊, 以太币, इथेरियम",
    "XRPUSD": "ripple",
    "SOLUSD": "solana",
    "LTCUSD": "litecoin",
    "EURUSD": "euro dollar, eurodollar, евро доллар, евродоллар, евробакс, يورو/دولار, يورو دولار, "
    "اليورو دولار, 欧元美元, 欧美, fiber, euro dólar, euro dolar, यूरो डॉलर",
    "GBPUSD": "pound dollar, cable, фунт доллар, фунтдоллар, фунт, باوند دولار, الباوند دولار, "
    "الاسترليني دولار, 英镑美元, 镑美, libra dólar",
    "USDJPY": "dollar yen, доллар йена, доллар иена, доллар ена, دولار ين, الدولار ين, 美元日元, 美日, "
    "dólar yen",
    "AUDUSD": "aussie, австралиец, оззи, دولار استرالي, aussie dollar, 澳元美元, 澳美",
    "NZDUSD": "kiwi, kiwi dollar, новозеландец, 纽元美元, 纽美",
    "USDCAD": "loonie, dollar cad, канадец, доллар канадец, دولار كندي, 美元加元, 美加",
    "USDCHF": "swissy, dollar swiss, франк, доллар франк, 美元瑞郎, 美瑞",
    "GBPJPY": "pound yen, guppy, 镑日",
    "EURJPY": "euro yen, 欧日",
}

# Words that are an instrument only next to a side in their language: everyday words elsewhere.
BESIDE_SIDES = {"or": ("fr", "XAUUSD"), "argent": ("fr", "XAGUSD")}

# Desk slang, two letters: believed in capitals only (GU, UJ), and only beside a side or a price.
SLANG = {
    "gu": "GBPUSD",
    "uj": "USDJPY",
    "gj": "GBPJPY",
    "ej": "EURJPY",
    "uc": "USDCAD",
    "ucad": "USDCAD",
    "uchf": "USDCHF",
    "eg": "EURGBP",
    "nj": "NZDJPY",
    "aj": "AUDJPY",
    "nu": "NZDUSD",
    "eu": "EURUSD",
    "au": "AUDUSD",
}

_SUFFIXES = frozenset(
    "m c i r b e k x z s p h a n t q v w f g pro ecn raw std cash micro mini spot fx sb stp vip sd ex sc cent"
    " cfd prime zero plus ins otc perp tr cm pm mm idx fut roll i_ real live pr ecnpro nano".split()
)


class Named(NamedTuple):
    """An instrument as a text names it. `exact`: by code, not by a word."""

    symbol: str
    exact: bool


def _exact_codes() -> dict[str, str]:
    codes = {code: symbol for symbol, names in _CODES.items() for code in names.split()}
    for coin in _CRYPTO.split():
        for quote in ("usd", "usdt", "busd", "usdc"):
            codes[f"{coin}{quote}"] = f"{coin.upper()}USD"
    for coin in _BARE_CRYPTO:
        codes[coin] = f"{coin.upper()}USD"
    for base in CURRENCIES:
        for quote in CURRENCIES - {base}:
            codes[base + quote] = (base + quote).upper()
    return codes


CODES: dict[str, str] = _exact_codes()
ALIASES: dict[str, str] = {
    phrase.strip(): symbol for symbol, phrases in _ALIASES.items() for phrase in phrases.split(",")
}
# Codes with digits in them, longest first: the tokeniser has to see them before it parts letters from digits.
DIGIT_CODES: tuple[str, ...] = tuple(
    sorted((code for code in CODES if any(c.isdigit() for c in code)), key=len, reverse=True)
)


def by_code(word: str) -> str | None:
    """Return the instrument of a folded word: a code, with or without a broker's suffix glued to it."""
    known = CODES.get(word)
    if known is not None:
        return known
    for length in (6, 7, 8, 5, 4):
        if len(word) > length and word[length:] in _SUFFIXES:
            code = word[:length]
            # A suffix on a short or bare code would turn everyday words into instruments.
            if code in CODES and (length >= 6 or code[-1].isdigit()):
                return CODES[code]
    return None


def coin_of(word: str) -> str | None:
    """Return the instrument of a coin's bare ticker, which is an everyday word elsewhere: $ADA, #SOL."""
    return f"{word.upper()}USD" if word in _COINS else None


def is_suffix(word: str) -> bool:
    """Return whether a word parted from a code by a dot, a dash or a slash is a broker's suffix."""
    return word in _SUFFIXES


# Where prices of an instrument have been in decades past and may be in years to come. Too wide to admit
# anything by; they tell notations apart ("2,345": 2345 or 2.345?) and hold what cannot be right.
_BANDS: dict[str, tuple[str, str]] = {
    "XAUUSD": ("250", "25000"),
    "XAUEUR": ("250", "25000"),
    "XAGUSD": ("4", "400"),
    "XPTUSD": ("200", "10000"),
    "XPDUSD": ("100", "10000"),
    "US30": ("6000", "200000"),
    "NAS100": ("1000", "120000"),
    "SPX500": ("600", "30000"),
    "US2000": ("300", "10000"),
    "GER40": ("3000", "90000"),
    "UK100": ("3000", "40000"),
    "FRA40": ("2000", "40000"),
    "EU50": ("1500", "25000"),
    "JP225": ("7000", "200000"),
    "HK50": ("5000", "100000"),
    "AUS200": ("3000", "30000"),
    "USOIL": ("8", "400"),
    "UKOIL": ("8", "400"),
    "NATGAS": ("0.8", "40"),
    "USDX": ("50", "200"),
    "VIX": ("5", "150"),
    "BTCUSD": ("1000", "2000000"),
    "ETHUSD": ("50", "100000"),
    "USDSEK": ("4", "20"),
    "USDNOK": ("4", "20"),
    "USDZAR": ("4", "60"),
    "USDMXN": ("8", "60"),
    "USDTRY": ("1", "500"),
}
_YEN = (Decimal(40), Decimal(400))
_MAJORS = frozenset(("USD", "EUR", "GBP", "CHF", "CAD", "AUD", "NZD"))
_MAJOR_BAND = (Decimal("0.2"), Decimal(4))


def band(symbol: str | None) -> tuple[Decimal, Decimal] | None:
    """Return the widest range in which a price of the instrument is plausible, or None where not known."""
    if symbol is None:
        return None
    known = _BANDS.get(symbol)
    if known is not None:
        return Decimal(known[0]), Decimal(known[1])
    if len(symbol) == 6 and symbol[:3] in _MAJORS:
        if symbol[3:] == "JPY":
            return _YEN
        if symbol[3:] in _MAJORS:
            return _MAJOR_BAND
    return None

"""The names that machines use: for fields, for actions, for types of orders."""

from __future__ import annotations

import re

from signalos_server.domain.signals.model import EntryType, Kind, Parse, Target
from signalos_server.domain.words import Side

# Field -> the names that machines give it. Compared without case, dashes and underscores.
_KEYS: dict[str, str] = {
    "symbol": "symbol ticker pair instrument sym market asset currencypair s tickerid symbolname coin epic",
    "action": "action side direction signal order cmd command type ordertype alert trade operation"
    " positiontype ordersideaction position positionside tradetype tradedirection tradeaction signaltype"
    " tradeside bias intent"
    " orderaction strategyorderaction",
    "price": "price entry entryprice limitprice stopprice openprice orderprice limit at e close entrylevel"
    " strategyorderprice signalprice",
    "sl": "sl stoploss stop slprice stoplossprice stoplossvalue stoplosslevel stoplevel sllevel initialstop",
    "tp": "tp takeprofit target tpprice takeprofitprice takeprofits tps targets takeprofitvalue"
    " takeprofitlevel tplevel profittarget targetprice tplevels takeprofitlevels targetprices",
    "slpips": "slpips stoplosspips pipssl",
    "tppips": "tppips takeprofitpips pipstp",
    "volume": "lots lot volume lotsize vol volumelots sizelots q size qty quantity",
    "size": "contracts positionsize amount units",
    "riskpercent": "riskpercent riskpct riskpercentage percentrisk riskper",
    "riskmoney": "riskmoney riskusd moneyrisk riskamount",
    "risk": "risk",
    "time": "time timestamp timenow date datetime t alerttime bartime",
    "fraction": "fraction percent percentage closepercent closepct pct",
    "position": "marketposition",
    "ordertype": "orderkind entrytype executiontype",
    "secret": "secret token passphrase password key apikey license licenseid licence auth",
}
FIELDS = {name: field for field, names in _KEYS.items() for name in names.split()}
LEVELS = frozenset(("sl", "tp", "slpips", "tppips"))
# Names that only people use as prose would also use; a machine line needs one of each of these.
NEEDED = frozenset(("symbol", "action"))
TARGET_KEY = re.compile(r"(?:tp|takeprofit|target)([1-9])(?:price)?\Z")
OPENS: dict[str, tuple[Side, EntryType | None]] = {
    "buy": (Side.BUY, None),
    "long": (Side.BUY, None),
    "enterlong": (Side.BUY, None),
    "entrylong": (Side.BUY, None),
    "openlong": (Side.BUY, None),
    "openbuy": (Side.BUY, None),
    "buymarket": (Side.BUY, EntryType.MARKET),
    "sell": (Side.SELL, None),
    "short": (Side.SELL, None),
    "entershort": (Side.SELL, None),
    "entryshort": (Side.SELL, None),
    "openshort": (Side.SELL, None),
    "opensell": (Side.SELL, None),
    "sellmarket": (Side.SELL, EntryType.MARKET),
    "buylimit": (Side.BUY, EntryType.LIMIT),
    "selllimit": (Side.SELL, EntryType.LIMIT),
    "buystop": (Side.BUY, EntryType.STOP),
    "sellstop": (Side.SELL, EntryType.STOP),
}
UPDATES: dict[str, Parse] = {
    "close": Parse(Kind.CLOSE, target=Target.POSITION),
    "exit": Parse(Kind.CLOSE, target=Target.POSITION),
    "flat": Parse(Kind.CLOSE, target=Target.POSITION),
    "flatten": Parse(Kind.CLOSE, target=Target.POSITION),
    "closeposition": Parse(Kind.CLOSE, target=Target.POSITION),
    "closetrade": Parse(Kind.CLOSE, target=Target.POSITION),
    "closeall": Parse(Kind.CLOSE, target=Target.ALL),
    "exitall": Parse(Kind.CLOSE, target=Target.ALL),
    "closelong": Parse(Kind.CLOSE, side=Side.BUY, target=Target.SIDE),
    "exitlong": Parse(Kind.CLOSE, side=Side.BUY, target=Target.SIDE),
    "closebuy": Parse(Kind.CLOSE, side=Side.BUY, target=Target.SIDE),
    "closeshort": Parse(Kind.CLOSE, side=Side.SELL, target=Target.SIDE),
    "exitshort": Parse(Kind.CLOSE, side=Side.SELL, target=Target.SIDE),
    "closesell": Parse(Kind.CLOSE, side=Side.SELL, target=Target.SIDE),
    "closelongpct": Parse(Kind.PARTIAL_CLOSE, side=Side.BUY, target=Target.SIDE),
    "closeshortpct": Parse(Kind.PARTIAL_CLOSE, side=Side.SELL, target=Target.SIDE),
    "closelongvol": Parse(Kind.PARTIAL_CLOSE, side=Side.BUY, target=Target.SIDE),
    "closeshortvol": Parse(Kind.PARTIAL_CLOSE, side=Side.SELL, target=Target.SIDE),
    "partialclose": Parse(Kind.PARTIAL_CLOSE, target=Target.POSITION),
    "closepartial": Parse(Kind.PARTIAL_CLOSE, target=Target.POSITION),
    "breakeven": Parse(Kind.BREAKEVEN, target=Target.POSITION),
    "be": Parse(Kind.BREAKEVEN, target=Target.POSITION),
    "sltobe": Parse(Kind.BREAKEVEN, target=Target.POSITION),
    "modify": Parse(Kind.MODIFY, target=Target.POSITION),
    "update": Parse(Kind.MODIFY, target=Target.POSITION),
    "newsltplong": Parse(Kind.MODIFY, side=Side.BUY, target=Target.SIDE),
    "newsltpshort": Parse(Kind.MODIFY, side=Side.SELL, target=Target.SIDE),
    "newsltpbuystop": Parse(Kind.MODIFY, side=Side.BUY, target=Target.PENDING),
    "newsltpsellstop": Parse(Kind.MODIFY, side=Side.SELL, target=Target.PENDING),
    "newsltpbuylimit": Parse(Kind.MODIFY, side=Side.BUY, target=Target.PENDING),
    "newsltpselllimit": Parse(Kind.MODIFY, side=Side.SELL, target=Target.PENDING),
    "cancel": Parse(Kind.CANCEL, target=Target.PENDING),
    "cancelall": Parse(Kind.CANCEL, target=Target.PENDING),
    "delete": Parse(Kind.CANCEL, target=Target.PENDING),
    "cancellong": Parse(Kind.CANCEL, side=Side.BUY, target=Target.PENDING),
    "cancelshort": Parse(Kind.CANCEL, side=Side.SELL, target=Target.PENDING),
    "cancelbuy": Parse(Kind.CANCEL, side=Side.BUY, target=Target.PENDING),
    "cancelsell": Parse(Kind.CANCEL, side=Side.SELL, target=Target.PENDING),
}
# PineConnector's two-in-one commands: close one side, then open the other. Taken apart by nobody yet sure
# of both halves, so they are read as both.
CLOSE_AND_OPEN: dict[str, tuple[Side, Side]] = {
    "closelongsell": (Side.BUY, Side.SELL),
    "closeshortbuy": (Side.SELL, Side.BUY),
    "closelongbuy": (Side.BUY, Side.BUY),
    "closeshortsell": (Side.SELL, Side.SELL),
}
# PineConnector's closes of so many lots (in `risk`): no share says that.
CLOSES_BY_LOTS = frozenset(("closelongvol", "closeshortvol"))
TYPES = {"market": EntryType.MARKET, "limit": EntryType.LIMIT, "stop": EntryType.STOP}


def bare(value: object) -> str:
    return "".join(letter for letter in str(value).lower() if letter.isalnum())


def is_action(word: str) -> bool:
    return word in OPENS or word in UPDATES or word in CLOSE_AND_OPEN

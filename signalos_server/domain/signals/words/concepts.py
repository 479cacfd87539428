"""What words stand for. A concept is what the grammar sees; the languages' tables say how it is written."""

from __future__ import annotations

from enum import Enum, auto


class Concept(Enum):
    """The meaning of a word, a phrase, a number or a mark of punctuation."""

    # Sides. WEAK ones are an outlook as often as an order; PAST ones tell of what was done.
    BUY = auto()
    SELL = auto()
    BUY_WEAK = auto()
    SELL_WEAK = auto()
    BOUGHT = auto()
    SOLD = auto()
    # "Opened at": the order is told as done.
    DONE = auto()
    # How an entry is meant.
    NOW = auto()
    LIMIT = auto()
    STOP_WORD = auto()
    PENDING = auto()
    AGAIN = auto()
    # Labels of prices.
    ENTRY = auto()
    SL = auto()
    TP = auto()
    ABOVE = auto()
    BELOW = auto()
    TO = auto()
    OPEN_END = auto()
    LATER = auto()
    NO_PRICE = auto()
    # Labels whose numbers mean nothing to us.
    IGNORED = auto()
    # "Current price": an entry at the market behind a side, and no price of ours elsewhere.
    CURRENT_PRICE = auto()
    # Until when an order is meant: no order carries what a text says of it.
    EXPIRY = auto()
    # Words whose numbers mean nothing to us unless a price is waited for: support, level, signal.
    MENTION = auto()
    # Figures that no price can be: NaN, infinity.
    POISON = auto()
    # Words that address a machine rather than traders: "ignore all previous instructions".
    MANIPULATION = auto()
    # Units that no price has: minutes, members, times.
    MEASURE = auto()
    # Units and amounts.
    PIPS = auto()
    POINTS = auto()
    LOTS = auto()
    RISK = auto()
    PERCENT = auto()
    CURRENCY = auto()
    HALF = auto()
    THIRD = auto()
    QUARTER = auto()
    MOST = auto()
    PART = auto()
    FULL = auto()
    ALL = auto()
    # Updates.
    CLOSE = auto()
    CLOSED = auto()
    TAKE_PART = auto()
    # Taking, which is a partial close only with a share behind it: take half, bank 50 %.
    GRAB = auto()
    PROFIT_TAKING = auto()
    BREAKEVEN = auto()
    RISK_FREE = auto()
    MOVE = auto()
    NEW = auto()
    CANCEL = auto()
    REMOVE = auto()
    TRAIL = auto()
    LET_RUN = auto()
    # What updates act on.
    POSITION = auto()
    ORDERS = auto()
    PREVIOUS = auto()
    # What is told.
    HIT = auto()
    STOPPED_OUT = auto()
    RUNNING = auto()
    RESULT = auto()
    PROFIT = auto()
    # How it is said.
    NOT = auto()
    IF = auto()
    EXCEPT = auto()
    FUTURE = auto()
    # Tomorrow, perhaps, planned: an order in such words is none, however complete it is.
    PLANNED = auto()
    OPTIONAL = auto()
    ASKING = auto()
    I_ME = auto()
    CANDLE = auto()
    # "Example only", "paper trade": an order shown, not given.
    SHOWN = auto()
    # "Forwarded from": told by someone else.
    FORWARDED = auto()
    # "Yesterday", "last week": with an order it tells of one.
    PAST_TIME = auto()
    NEAR = auto()
    OR = auto()
    AND = auto()
    FILLER = auto()
    # Not in the tables: what the marks are made of.
    NUMBER = auto()
    CORRUPT = auto()
    INDEX = auto()
    TIME = auto()
    SYMBOL = auto()
    WORD = auto()
    NEWLINE = auto()
    SENTENCE_END = auto()
    QUESTION = auto()
    COMMA = auto()
    SLASH = auto()
    DASH = auto()
    PLUS = auto()
    AT = auto()
    COLON = auto()
    HASH = auto()
    BRACKET_OPEN = auto()
    BRACKET_CLOSE = auto()
    PICTURE = auto()


SIDES = frozenset(
    {Concept.BUY, Concept.SELL, Concept.BUY_WEAK, Concept.SELL_WEAK, Concept.BOUGHT, Concept.SOLD}
)
BUYS = frozenset({Concept.BUY, Concept.BUY_WEAK, Concept.BOUGHT})
FUTURES = frozenset({Concept.FUTURE, Concept.PLANNED})

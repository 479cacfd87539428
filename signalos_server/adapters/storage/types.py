"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, Numeric, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# SQLite gives row numbers of its own only to a column of exactly the type INTEGER.
RowNumber = BigInteger().with_variant(Integer(), "sqlite")


class UtcTime(TypeDecorator[datetime]):
    """A point in time as microseconds since 1970 in UTC; refuses naive ones."""

    impl = BigInteger
    cache_ok = True

    @staticmethod
    def sqlite_bind(value: datetime | None) -> int | None:
        """Return what a driver is given."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        since = value - _EPOCH
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds

    @staticmethod
    def sqlite_value(value: Any | None) -> datetime | None:
        """Return what a driver's value says."""
        return None if value is None else _EPOCH + timedelta(microseconds=int(value))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return self.sqlite_bind(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return self.sqlite_value(value)


class ExactDecimal(TypeDecorator[Decimal]):
    """A decimal number to its last digit: NUMERIC on PostgreSQL, TEXT on SQLite, which has no decimals.

    Not for comparing or ordering in SQL: text sorts by characters.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Numeric(asdecimal=True))
        return dialect.type_descriptor(Text())

    @staticmethod
    def sqlite_bind(value: Decimal | None) -> str | None:
        """Return what SQLite's driver is given."""
        if value is None:
            return None
        if not value.is_finite():
            raise ValueError(f"{value} cannot be stored")
        return format(value, "f")

    @staticmethod
    def sqlite_value(value: Any | None) -> Decimal | None:
        """Return what a driver's value says."""
        return None if value is None else Decimal(value)

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        written = self.sqlite_bind(value)
        return value if dialect.name == "postgresql" else written

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Decimal | None:
        return self.sqlite_value(value)

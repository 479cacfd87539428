"""Seeded noise that can be read at any point without running through what lies before it."""

from signalos_bridge.emulator.domain.symbols import SymbolSpec

_MASK = (1 << 64) - 1
_OCTAVE_MINUTES = (1, 5, 15, 60, 240, 1440, 7200)
MINUTE_MS = 60_000


def seed_of(seed: int, name: str) -> int:
    """Return a 64-bit seed for one symbol, the same in every process."""
    value = seed & _MASK
    for byte in name.encode():
        value = mix(value ^ byte)
    return value


def mix(value: int) -> int:
    """Return a 64-bit number that looks random for each `value` (splitmix64)."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def bell(value: int) -> float:
    """Return a number around 0 with a deviation near 1, never beyond 3.5."""
    total = (value & 0xFFFF) + (value >> 16 & 0xFFFF) + (value >> 32 & 0xFFFF) + (value >> 48)
    return (total / 65535 - 2.0) * 1.732


def past_mid_points(spec: SymbolSpec, seed: int, utc_ms: int) -> int:
    """Return the middle price, in points, that the symbol is said to have had at that moment.

    Of the time before the broker's first start: smooth within a minute, rough over hours, and the same
    whenever it is asked.
    """
    base = int(spec.start_price.scaleb(spec.digits))
    total = 0.0
    for octave, minutes in enumerate(_OCTAVE_MINUTES):
        period = minutes * MINUTE_MS
        left, rest = divmod(utc_ms, period)
        share = rest / period
        share = share * share * (3 - 2 * share)
        salt = seed + octave * 0x1F123BB5
        total += (1 - share) * bell(mix(salt ^ mix(left))) * minutes**0.5
        total += share * bell(mix(salt ^ mix(left + 1))) * minutes**0.5
    largest = base * 0.03
    return base + round(max(-largest, min(largest, total * spec.swing_points * 2)))

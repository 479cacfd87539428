"""Reads the sets of limits that come with the program: one dated file each."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from importlib import resources
from typing import Any

import msgspec

from signalos_server.domain.risk_limits.profile import Profile
from signalos_server.domain.risk_limits.terms import check_limits


def shipped_profiles() -> dict[str, Profile]:
    """Return the profiles by id. Raises `ValueError` for a file that is no profile."""
    folder = resources.files("signalos_server.domain.risk_limits") / "profiles"
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    found = [profile_of(file.name, file.read_text("utf-8")) for file in files if file.name.endswith(".toml")]
    return {profile.profile_id: profile for profile in found}


def profile_of(name: str, text: str) -> Profile:
    """Return the profile of one file. Raises `ValueError`."""
    try:
        told = tomllib.loads(text, parse_float=Decimal)
        profile: Profile = msgspec.convert(told, Profile, strict=False)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"{name}: {error}") from error
    if (unknown := _unknown(told, msgspec.to_builtins(profile))) is not None:
        raise ValueError(f"{name}: {unknown} is nothing that a profile says")
    if f"{profile.profile_id}.toml" != name or not profile.phases:
        raise ValueError(f"{name}: its profile_id is {profile.profile_id}, with {len(profile.phases)} phases")
    for phase in profile.phases:
        check_limits(phase.limits, f"{name}: {phase.phase}")
    return profile


def _unknown(told: Any, known: Any) -> str | None:
    """Return a key of a file that was not taken over."""
    if isinstance(told, dict) and isinstance(known, dict):
        for key, value in told.items():
            if key not in known:
                return str(key)
            if (found := _unknown(value, known[key])) is not None:
                return found
    if isinstance(told, list) and isinstance(known, list):
        for one, other in zip(told, known, strict=True):
            if (found := _unknown(one, other)) is not None:
                return found
    return None

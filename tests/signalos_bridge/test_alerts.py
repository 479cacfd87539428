"""What the bridge raises, and how it says that something is over."""

from signalos_bridge.alerts import AlertBox
from signalos_bridge.domain.values import AlertSeverity


def box() -> AlertBox:
    return AlertBox(lambda: None)


def blind(alerts: AlertBox) -> None:
    alerts.raise_alert("blind", AlertSeverity.CRITICAL, "GUARD_BLIND", "the guard is blind")


def sees(alerts: AlertBox) -> None:
    alerts.settle("blind", "GUARD_BLIND", "it sees again", from_before=True)


def taken(alerts: AlertBox) -> list[tuple[str, bool]]:
    return [(alert.code, alert.ended) for alert in alerts.take()]


def test_what_lasts_is_told_once() -> None:
    alerts = box()
    blind(alerts)
    blind(alerts)

    assert taken(alerts) == [("GUARD_BLIND", False)]
    assert taken(alerts) == []


def test_the_end_is_told_once_after_what_it_ends() -> None:
    alerts = box()
    blind(alerts)
    sees(alerts)
    sees(alerts)

    assert taken(alerts) == [("GUARD_BLIND", False), ("GUARD_BLIND", True)]


def test_after_a_restart_the_end_is_told_although_nothing_was_raised_since() -> None:
    alerts = box()
    sees(alerts)
    sees(alerts)

    assert taken(alerts) == [("GUARD_BLIND", True)]


def test_what_comes_again_before_its_end_was_told_has_not_ended() -> None:
    alerts = box()
    blind(alerts)
    sees(alerts)
    blind(alerts)

    assert taken(alerts) == [("GUARD_BLIND", False)]


def test_each_appearance_has_its_end() -> None:
    alerts = box()
    for _ in range(2):
        blind(alerts)
        sees(alerts)
        assert taken(alerts) == [("GUARD_BLIND", False), ("GUARD_BLIND", True)]


def test_the_end_of_what_concerns_one_position_is_told_only_where_it_was_raised() -> None:
    alerts = box()
    alerts.settle("levels:7", "LEVELS_NOT_MOVED", "they are where they should be")

    assert taken(alerts) == []

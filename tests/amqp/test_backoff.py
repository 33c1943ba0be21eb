import pytest

from farpool.amqp import Backoff, Patience, Spell
from farpool.amqp.backoff import TRY_S


def test_the_first_retry_comes_at_once() -> None:
    assert Backoff().delay(0) == 0.0


def test_delays_double_up_to_the_cap_with_jitter() -> None:
    backoff = Backoff(base_s=0.1, cap_s=2.0)

    for attempt, mean in [(1, 0.1), (2, 0.2), (3, 0.4), (6, 2.0), (1000, 2.0)]:
        for _ in range(20):
            assert mean * 0.5 <= backoff.delay(attempt) <= mean * 1.5


def test_patience_is_short_until_the_first_connection_stands() -> None:
    patience = Patience(first_s=1, away_s=3, broken_s=2)

    assert patience.limit(was_reached=False, is_broken=True) == 1
    assert patience.limit(was_reached=True, is_broken=True) == 2
    assert patience.limit(was_reached=True, is_broken=False) == 3


def test_patience_is_not_negative() -> None:
    with pytest.raises(ValueError, match="broken_s must be 0 or more seconds"):
        Patience(broken_s=-1)


def test_a_spell_counts_the_time_between_tries() -> None:
    now = [0.0]
    spell = Spell(lambda: now[0])
    assert spell.count() == 0
    now[0] = 3
    assert spell.count(waited_s=2) == 3
    spell.end()
    now[0] = 100
    assert spell.count() == 0


def test_a_night_asleep_is_no_time_spent_trying() -> None:
    now = [0.0]
    spell = Spell(lambda: now[0])
    spell.count()
    now[0] = 8 * 3600
    assert spell.count(waited_s=2) == 2 + TRY_S


def test_a_clock_that_goes_back_takes_nothing_away() -> None:
    now = [100.0]
    spell = Spell(lambda: now[0])
    spell.count()
    now[0] = 10
    assert spell.count() == 0

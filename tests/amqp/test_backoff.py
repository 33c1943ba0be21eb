from farpool.amqp import Backoff, Patience


def test_the_first_retry_comes_at_once() -> None:
    assert Backoff().delay(0) == 0.0


def test_delays_double_up_to_the_cap_with_jitter() -> None:
    backoff = Backoff(base_s=0.1, cap_s=2.0)

    for attempt, mean in [(1, 0.1), (2, 0.2), (3, 0.4), (6, 2.0), (1000, 2.0)]:
        for _ in range(20):
            assert mean * 0.5 <= backoff.delay(attempt) <= mean * 1.5


def test_patience_is_short_until_the_first_connection_stands() -> None:
    patience = Patience(first_s=1, refused_s=2, unreachable_s=3)

    assert patience.limit(ever_open=False, refused=True) == 1
    assert patience.limit(ever_open=True, refused=True) == 2
    assert patience.limit(ever_open=True, refused=False) == 3

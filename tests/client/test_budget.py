from hypothesis import given, settings
from hypothesis import strategies as st

from farpool.client.budget import Budget

HOSTED = (20, 10.0)


def test_the_whole_limit_may_go_at_once_and_the_next_waits_for_a_window() -> None:
    budget = Budget(*HOSTED, 0.0)

    assert [budget.take(0.0) for _ in range(20)] == [0.0] * 20
    assert budget.free_in(4.0) == 6.0
    assert budget.take(4.0) == 6.0


def test_a_window_slides_with_each_request() -> None:
    budget = Budget(2, 10.0, 0.0)
    budget.take(0.0)
    budget.take(7.0)

    assert budget.take(9.0) == 1.0
    assert budget.take(9.0) == 8.0


def test_who_asks_first_goes_first() -> None:
    budget = Budget(3, 10.0, 0.0)

    moments = [now + budget.take(now) for now in (0.0, 0.0, 0.0, 1.0, 2.0, 11.0, 11.0)]

    assert moments == sorted(moments)


def test_an_even_pace_has_a_burst_of_eight() -> None:
    budget = Budget(*HOSTED, 0.0)

    for _ in range(8):
        assert budget.even_in(0.0) == 0.0
        budget.take(0.0)

    assert budget.even_in(0.0) > 0.8


def test_an_even_pace_goes_on_at_more_than_one_a_second() -> None:
    budget, now = Budget(*HOSTED, 0.0), 0.0

    for _ in range(128):
        now += budget.even_in(now)
        now += budget.take(now)

    assert 99 < now < 101


def test_a_limit_of_one_has_an_even_pace_too() -> None:
    budget = Budget(1, 1.0, 0.0)
    budget.take(0.0)

    assert 0 < budget.even_in(0.0) < 10


@given(st.lists(st.floats(0, 5), min_size=1, max_size=200), st.booleans())
def test_no_window_of_ten_seconds_holds_more_than_twenty_requests(pauses: list[float], is_even: bool) -> None:
    budget, now, sent = Budget(*HOSTED, 0.0), 0.0, list[float]()

    for pause in pauses:
        now += pause
        if is_even:
            now += budget.even_in(now)
        now += budget.take(now)
        sent.append(now)

    for start in sent:
        assert sum(1 for moment in sent if start <= moment < start + 9.999) <= 20


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=30, max_size=60))
def test_who_keeps_the_even_pace_never_meets_the_limit(pauses: list[float]) -> None:
    budget, now = Budget(*HOSTED, 0.0), 0.0

    for pause in pauses:
        now += pause
        now += budget.even_in(now)
        assert budget.take(now) < 1e-6

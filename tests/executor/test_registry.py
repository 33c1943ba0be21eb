"""The registry: equal code is registered once, here and in other programs."""

from __future__ import annotations

import functools
import gc
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from farpool.errors import SerializationError, ServiceDown
from farpool.executor.functions.code import Code, code_of
from farpool.executor.functions.memory import FunctionFile, Memory
from farpool.executor.functions.registry import Registry
from farpool.serialize import Serializer

SERIALIZER = Serializer()


class Desk:
    """A registry, and a list of what it has registered."""

    def __init__(self, memory: Memory | None = None, serializer: Serializer = SERIALIZER) -> None:
        self.registered: list[Code] = []
        self.packed = 0
        self._serializer = serializer
        self.registry = Registry(pack=self._pack, register=self._register, memory=memory)

    def id_of(self, fn: Callable[..., Any]) -> str:
        return self.registry.find(fn).function_id

    def _pack(self, fn: Callable[..., Any]) -> Code:
        self.packed += 1
        return code_of(fn, self._serializer)

    def _register(self, code: Code) -> str:
        self.registered.append(code)
        return f"id {id(self)} {len(self.registered)}"


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def file(tmp_path: Path) -> FunctionFile:
    return FunctionFile(tmp_path / "functions.db")


def ann(file: FunctionFile, service_url: str = "https://a") -> Memory:
    return Memory(file, service_url, lambda: "ann")


def add(one: int, other: int) -> int:
    return one + other


def plus_one() -> Callable[[int], int]:
    return lambda number: number + 1


def compiled(text: str) -> Callable[..., Any]:
    function: Callable[..., Any] = eval(text, {"__name__": "__main__"})
    return function


def closure(held: Any) -> Callable[[], Any]:
    return lambda: held


class Counter:
    """Compares by value, and so has no hash."""

    def __init__(self, start: int) -> None:
        self.values = [start]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Counter) and other.values == self.values

    __hash__ = None  # type: ignore[assignment]  # as Python does where __eq__ alone is defined

    def __call__(self) -> int:
        """Count."""
        return len(self.values)

    def count(self) -> int:
        return len(self.values)


def test_the_same_function_is_packed_and_registered_once(desk: Desk) -> None:
    assert len({desk.id_of(add) for _ in range(1000)}) == 1
    assert (desk.packed, len(desk.registered)) == (1, 1)


@pytest.mark.parametrize(
    "make",
    [
        plus_one,
        lambda: functools.partial(add, 1),
        lambda: functools.partial(functools.partial(add, 1), 2),
        lambda: closure({"one", "two"}),
        lambda: Counter(3),
        lambda: Counter(3).count,
    ],
    ids=["lambda", "partial", "partial of a partial", "closure", "unhashable object", "method of an unhashable object"],
)
def test_a_thousand_equal_ones_made_in_a_loop_are_registered_once(desk: Desk, make: Callable[[], Any]) -> None:
    assert len({desk.id_of(make()) for _ in range(1000)}) == 1
    assert len(desk.registered) == 1


def test_what_differs_in_anything_is_registered_for_itself(desk: Desk) -> None:
    different: list[Callable[..., Any]] = [
        add,
        closure(1),
        closure(2),
        closure(1.0),
        closure(True),
        closure([1]),
        functools.partial(add, 1),
        functools.partial(add, 2),
        functools.partial(add, other=1),
        Counter(1),
        Counter(2),
        Counter(1).count,
        plus_one(),
        *(
            compiled(text)
            for text in ("lambda x: x", "lambda y: y", "lambda x=1: x", "lambda *, x=1: x", "lambda *x: x")
        ),
    ]

    assert len({desk.id_of(one) for one in different}) == len(different)


def test_names_and_docstrings_are_part_of_it_for_people_see_them(desk: Desk) -> None:
    def make(name: str, doc: str | None) -> Callable[[], None]:
        def function() -> None: ...

        function.__name__, function.__doc__ = name, doc
        return function

    kinds = [make("f", None), make("g", None), make("f", ""), make("f", "Doc.")]

    assert len({desk.id_of(one) for one in kinds}) == 4
    assert desk.id_of(make("f", "Doc.")) == desk.id_of(kinds[3])


def test_a_global_that_changes_between_two_calls_makes_another_function(desk: Desk) -> None:
    program: dict[str, Any] = {"__name__": "__main__"}
    exec("factor = 2\nnumbers = [1]\ndef f(): return helper()\ndef helper(): return factor, numbers", program)
    function = program["f"]

    first = [desk.id_of(function) for _ in range(100)]
    program["factor"] = 3
    second = [desk.id_of(function) for _ in range(100)]
    program["numbers"].append(2)
    third = [desk.id_of(function) for _ in range(100)]
    program["numbers"].pop()

    assert len({*first}) == len({*second}) == len({*third}) == 1
    assert len({*first, *second, *third}) == 3
    assert desk.id_of(function) == second[0]
    assert len(desk.registered) == 3
    assert desk.packed == 4


def test_pickling_objects_of_a_class_does_not_make_it_another(desk: Desk) -> None:
    program: dict[str, Any] = {"__name__": "__main__"}
    exec("class Own: pass\ndef f(own): return isinstance(own, Own)", program)
    first = desk.id_of(program["f"])
    SERIALIZER.pack_arguments((program["Own"](),), {})

    assert desk.id_of(program["f"]) == first


def test_a_bound_method_is_registered_with_its_object_as_it_is_now(desk: Desk) -> None:
    counter = Counter(1)
    before = desk.id_of(counter.count)
    counter.values.append(2)

    assert desk.id_of(counter.count) != before
    counter.values.pop()
    assert desk.id_of(counter.count) == before
    assert len(desk.registered) == 2


def plain(counter: Counter) -> Counter:
    return counter


def method(counter: Counter) -> Callable[[], int]:
    return counter.count


@pytest.mark.parametrize("use", [plain, method, closure])
def test_the_registry_keeps_no_object_alive(desk: Desk, use: Callable[[Any], Any]) -> None:
    counter = Counter(1)
    gone = weakref.ref(counter)
    desk.id_of(use(counter))

    del counter
    gc.collect()
    assert gone() is None


def test_a_function_that_dies_is_forgotten_and_another_at_its_place_is_not_mistaken_for_it(desk: Desk) -> None:
    ids: set[str] = set()
    for number in range(100):
        namespace: dict[str, Any] = {"__name__": "__main__"}
        exec(f"def f(): return {number}", namespace)
        ids.add(desk.id_of(namespace["f"]))

    assert len(ids) == 100


def test_threads_that_come_with_one_new_function_make_one_registration(desk: Desk) -> None:
    barrier = threading.Barrier(8)
    ids: list[str] = []

    def find() -> None:
        barrier.wait()
        ids.append(desk.id_of(closure("shared")))

    threads = [threading.Thread(target=find) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(ids)) == 1
    assert len(desk.registered) == 1


def test_a_registration_that_failed_is_tried_again() -> None:
    answers: list[Any] = [ServiceDown("away"), "an id"]

    def register(_code: Code) -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    registry = Registry(pack=lambda fn: code_of(fn, SERIALIZER), register=register)

    with pytest.raises(ServiceDown):
        registry.find(add)
    assert registry.find(add).function_id == "an id"


@pytest.mark.parametrize(
    "fn",
    [add, closure(1), functools.partial(add, 1), Counter(1).count],
    ids=["function", "closure", "partial", "method"],
)
def test_a_function_that_was_registered_by_hand_is_known_by_that_id(desk: Desk, fn: Callable[..., Any]) -> None:
    desk.registry.remember(fn, "by hand")

    found = desk.registry.find(fn)
    assert found.function_id == "by hand"
    assert found.renew("by hand") is None  # who gave the id must know
    assert desk.registered == []


def test_what_cannot_be_sent_says_so(desk: Desk) -> None:
    with pytest.raises(SerializationError, match="generator"):
        desk.id_of(closure(number for number in [1]))


# ---- from one program to the next


def test_another_program_finds_what_the_first_has_registered(file: FunctionFile) -> None:
    first, second = Desk(ann(file)), Desk(ann(file))

    assert first.id_of(closure(1)) == second.id_of(closure(1))
    assert (len(first.registered), len(second.registered)) == (1, 0)


def test_what_is_of_no_use_to_other_programs_is_not_remembered(file: FunctionFile, desk: Desk) -> None:
    program: dict[str, Any] = {"__name__": "__main__"}
    exec("class Own:\n def __call__(self): pass", program)
    first, second = Desk(ann(file)), Desk(ann(file))

    assert first.id_of(program["Own"]()) == first.id_of(program["Own"]())
    assert first.id_of(program["Own"]()) != second.id_of(program["Own"]())


def test_another_service_another_user_and_another_serializer_find_nothing(file: FunctionFile) -> None:
    from farpool.serialize import AllCodeStrategies

    Desk(ann(file)).id_of(closure(1))
    others = [
        Desk(ann(file, "https://b")),
        Desk(Memory(file, "https://a", lambda: "bob")),
        Desk(ann(file), Serializer(code=AllCodeStrategies())),
    ]

    for other in others:
        other.id_of(closure(1))
        assert len(other.registered) == 1


def test_a_function_registered_by_hand_is_not_remembered(file: FunctionFile) -> None:
    Desk(ann(file)).registry.remember(closure(1), "by hand")

    assert Desk(ann(file)).id_of(closure(1)) != "by hand"


# ---- when the service has forgotten a function


def test_a_forgotten_function_is_registered_anew_once(file: FunctionFile) -> None:
    desk = Desk(ann(file))
    found = [desk.registry.find(closure(1)) for _ in range(3)]
    old = found[0].function_id

    new = {one.renew(old) for one in found}

    assert len(new) == 1
    assert old not in new
    assert len(desk.registered) == 2
    assert {desk.id_of(closure(1)), Desk(ann(file)).id_of(closure(1))} == new


def test_a_module_level_function_has_its_new_id_from_then_on(desk: Desk) -> None:
    old = desk.registry.find(add)
    new = old.renew(old.function_id)

    assert desk.id_of(add) == new


def test_what_another_program_registered_anew_is_found(file: FunctionFile) -> None:
    first, second = Desk(ann(file)), Desk(ann(file))
    found = [desk.registry.find(closure(1)) for desk in (first, second)]
    old = found[0].function_id

    assert found[0].renew(old) == found[1].renew(old)
    assert second.registered == []


def test_a_function_that_cannot_be_registered_anew_is_tried_again() -> None:
    answers: list[Any] = ["first", ServiceDown("away"), "second"]

    def register(_code: Code) -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    found = Registry(pack=lambda fn: code_of(fn, SERIALIZER), register=register).find(add)

    with pytest.raises(ServiceDown):
        found.renew("first")
    assert found.renew("first") == "second"

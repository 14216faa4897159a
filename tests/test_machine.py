"""Everything in any order, found by hypothesis: the promises hold at every moment and at the end."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from messaging import pages
from tests.machine import World
from tests.processes import Process, without_chance

NUMBERS = st.integers(0, 1000)
PAGE = 3


class Interleavings(RuleBasedStateMachine):
    """The moves of the world, in the order that hypothesis likes."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.world.process()
        self.world.process()

    @initialize(people=st.lists(st.sampled_from(["email", "email", "sms", "refused"]), min_size=1, max_size=6))
    def register(self, people: list[str]) -> None:
        for n, kind in enumerate(people):
            config = (
                f"+4179123456{n}" if kind == "sms" else f"{'refused' if kind == 'refused' else 'u'}{n}@example.com"
            )
            self.world.register(f"u{n}", "sms" if kind == "sms" else "email", config)

    def living(self, number: int) -> Process:
        """A process that lives; a new one takes the place of the last."""
        alive = [process for process in self.world.processes[1:] if process.alive]
        return alive[number % len(alive)] if alive else self.world.process()

    @rule(number=NUMBERS, key=st.sampled_from("ab"), background=st.booleans())
    def trigger(self, number: int, key: str, background: bool) -> None:
        self.world.trigger(self.living(number), key, background)

    @rule(number=NUMBERS, times=st.integers(1, 8))
    def go_on(self, number: int, times: int) -> None:
        for n in range(times):
            self.world.step(number + n)

    @rule(number=NUMBERS, times=st.integers(1, 16))
    def one_goes_on(self, number: int, times: int) -> None:
        """One of those under way goes on by itself, while the others stand still where they are."""
        self.world.step(number)
        for _ in range(times):
            self.world.step(-1)  # who went on last waits last

    @rule(number=NUMBERS)
    def calm_down(self, number: int) -> None:
        """Everything that is under way comes to its end, in some order."""
        while self.world.parked:
            self.world.step(number)

    @rule(number=NUMBERS)
    def work(self, number: int) -> None:
        self.world.work(self.living(number))

    @rule(number=NUMBERS)
    def die(self, number: int) -> None:
        self.world.kill(self.living(number))

    @rule(seconds=st.sampled_from([1, 31, 121, 601, 901, 3601, -5]))
    def time_passes(self, seconds: int) -> None:
        self.world.forward(seconds)

    @rule(mode=st.sampled_from(["ok", "ok", "later", "blocked", "lost", "dropped"]))
    def provider(self, mode: str) -> None:
        self.world.provider.mode = mode

    @rule(number=NUMBERS)
    def sweep(self, number: int) -> None:
        self.world.sweep(self.living(number))

    @precondition(lambda self: self.world.queue)
    @rule(number=NUMBERS, first=NUMBERS, second=NUMBERS)
    def work_twice(self, number: int, first: int, second: int) -> None:
        """A queue message comes twice at once; both begin before either has written anything."""
        message = self.world.queue[number % len(self.world.queue)]
        for process in (self.living(first), self.living(second)):
            self.world.give(process, message)

    @precondition(lambda self: self.world.queue)
    @rule(number=NUMBERS)
    def deliver_again(self, number: int) -> None:
        """A queue message comes a second time, while the first is still being worked on."""
        self.world.queue[number % len(self.world.queue)].at = self.world.clock()

    @rule(process=NUMBERS, number=NUMBERS, how=st.sampled_from(["retry", "resolve"]))
    def operator(self, process: int, number: int, how: str) -> None:
        self.world.decide(self.living(process), number, how)

    @invariant()
    def promises(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        try:
            self.world.finish()
        finally:
            self.world.close()


@pytest.fixture(autouse=True)
def prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small pages, and histories that can be repeated."""
    monkeypatch.setattr(pages, "PAGE", PAGE)
    without_chance(monkeypatch.setattr)


def look(examples: int, *, shrink: bool = True) -> None:
    """Look for a broken promise in so many histories, and for the shortest of those that break it."""
    how = settings(
        max_examples=examples,
        stateful_step_count=40,
        phases=[Phase.generate, *([Phase.shrink] if shrink else [])],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    run_state_machine_as_test(Interleavings, settings=how)


def test_no_history_breaks_a_promise() -> None:
    look(60)

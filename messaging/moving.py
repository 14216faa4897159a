"""How many calls the last minute saw: a moving window of bounded size, however large its limit. Pure.

Calls within a second of each other share a slot, and a slot counts until its last call is old enough. So never
more than the limit is admitted within any minute, a lone call is forgotten to the millisecond, and one among many
at most a second late. Times are integer milliseconds.
"""

from dataclasses import dataclass

SLOT = 1000
AHEAD = 60_000
"""How far the clocks of instances may differ."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Calls between `first` and `last`, less than a second apart."""

    first: int
    last: int
    calls: int


@dataclass(frozen=True, slots=True)
class Window:
    """Slots, oldest first."""

    slots: tuple[Slot, ...] = ()

    @property
    def calls(self) -> int:
        return sum(slot.calls for slot in self.slots)

    def since(self, start: int, now: int) -> "Window":
        """Without what ended at `start` or before, and without what only a clock that was wrong can have seen."""
        return Window(tuple(slot for slot in self.slots if slot.last > start and slot.first <= now + AHEAD))

    def add(self, now: int, calls: int) -> "Window":
        """With calls made now. A clock that is behind adds to the newest slot: forgotten late, never early."""
        if self.slots and now - self.slots[-1].first < SLOT:
            newest = self.slots[-1]
            grown = Slot(newest.first, max(newest.last, now), newest.calls + calls)
            return Window((*self.slots[:-1], grown))
        return Window((*self.slots, Slot(now, now, calls)))

    def to_text(self) -> str:
        return ";".join(f"{slot.first}:{slot.last}:{slot.calls}" for slot in self.slots)

    @classmethod
    def from_text(cls, text: str) -> "Window":
        return cls(tuple(Slot(*map(int, part.split(":"))) for part in text.split(";") if part))

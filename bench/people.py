"""Who gets the bench's messages."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipient:
    userId: str
    address: str


def recipients(channel: str, count: int) -> list[Recipient]:
    """So many people, no address twice."""
    if channel == "email":
        return [Recipient(f"u{n}", f"u{n}@example.com") for n in range(count)]
    return [Recipient(f"u{n}", f"+4179{n:07d}") for n in range(count)]

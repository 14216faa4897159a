"""How many parts a text message has. Each part is billed as one message.

A text of the GSM 7-bit alphabet has 160 characters in one part, or 153 in each of several; any other character
makes it UCS-2, with 70 or 67 units of 16 bits. A character is never split between parts.
Source: 3GPP TS 23.038, sections 6.2.1 and 6.2.1.1.
"""

GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_DOUBLE = frozenset("^{}\\[~]|€\f")
"""Characters that take the room of two."""


def count(text: str) -> int:
    """The number of parts of a text; 1 for an empty one."""
    if GSM.union(GSM_DOUBLE).issuperset(text):
        return _parts([gsm_width(character) for character in text], single=160, several=153)
    return _parts([ucs2_width(character) for character in text], single=70, several=67)


def gsm_width(character: str) -> int:
    return 1 + (character in GSM_DOUBLE)


def ucs2_width(character: str) -> int:
    return 1 + (character > "\uffff")


def _parts(sizes: list[int], single: int, several: int) -> int:
    if sum(sizes) <= single:
        return 1
    parts, room = 1, several
    for size in sizes:
        if size > room:
            parts, room = parts + 1, several
        room -= size
    return parts

"""How many SMS a text takes: GSM 03.38 where all its characters are in that alphabet, else UCS-2.

160 characters of GSM-7 or 70 UTF-16 units of UCS-2 fit in one; of a longer text every part gives up seven
characters (three units) to the header that puts the parts together.
https://www.twilio.com/docs/glossary/what-sms-character-limit
"""

from math import ceil

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("^{}\\[~]|€\f")  # two characters each, an escape before them


def count(text: str) -> int:
    """The number of segments, at least 1."""
    letters = set(text)
    if letters <= BASIC | EXTENDED:
        length = len(text) + sum(map(text.count, letters & EXTENDED))
        single, part = 160, 153
    else:
        length = len(text.encode("utf-16-le", "surrogatepass")) // 2
        single, part = 70, 67
    return 1 if length <= single else ceil(length / part)

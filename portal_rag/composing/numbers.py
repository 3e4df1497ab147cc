"""Counts in words: what is counted here stands in no source that a figure could be checked with."""

_SMALL = (
    "no one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen".split()
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def in_words(count: int) -> str:
    """Write a count below a thousand in words; nothing counted is `no`."""
    hundreds, rest = divmod(count, 100)
    if not hundreds:
        return _below_hundred(rest)
    lead = f"{_SMALL[hundreds]} hundred"
    return f"{lead} and {_below_hundred(rest)}" if rest else lead


def _below_hundred(count: int) -> str:
    if count < len(_SMALL):
        return _SMALL[count]
    tens, units = divmod(count, 10)
    return _TENS[tens - 2] + (f"-{_SMALL[units]}" if units else "")

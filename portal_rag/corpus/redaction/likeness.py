"""Whether a text looks like a real secret: long and random enough, and no placeholder."""

import base64
import math
import re
from collections import Counter
from collections.abc import Callable

_MEASURED = 256
"""Characters that entropy is measured over; more would say nothing new."""
_EXAMPLE = re.compile(
    r"example|placeholder|redacted|changeme|change[-_]me|your[-_]|"
    r"(.)\1{7}|\*{3}|\.{3}|\u2026|<[^<>]*+>|\[[^\[\]]*+\]|\$\{|\{\{|\}\}",
    re.IGNORECASE,
)
_MADE_UP = re.compile(
    r"dummy|fake|sample|secret|passw|token|test|^my|^some|^foo|x{4}|12345", re.IGNORECASE
)
_REFERENCE = re.compile(
    r"\$[a-z_({]|[{(]|%[({]|&[a-z]+;|~/|\.{0,2}/[\w.-]+/|#/|@\w+/|![A-Za-z]+$|[\w$][\w$.]*\(|\w+\[\d*\]"
    r"|[a-z][a-z0-9+.-]*://|(?:arn|sha256|file|env|ref|vault|op):",
    re.IGNORECASE,
)
_WORD_ENDS = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(
    r"(?=[^aeiouy]{0,5}[aeiouy])[a-z]{3,}\d{0,3}|[a-z]{0,2}|\d{1,4}|v\d\w{0,7}"
    r"|s3|h2|ec2|k8s|e2e|i18n|l10n|html\d?|https?\d?|grpc|mtls|sql|xml|css|tls|ssl|ssh|jwt|npm|sdk",
    re.IGNORECASE,
)
_LEAST_RANDOM = 3.0
_CLEARLY_RANDOM = 3.5
_LONG = 20
_SHORT = 8
_PUNCTUATION = re.compile(r"[,;|<>]")
_LONG_PASSWORD = 12
_NEARLY_MOST = 0.7
"""Of the entropy that so short a text can have at all."""


def entropy(text: str) -> float:
    """Measure Shannon's entropy of the characters, in bits for each (0 for nothing)."""
    measured = text[:_MEASURED]
    shares = [count / len(measured) for count in Counter(measured).values()]
    return -sum(share * math.log2(share) for share in shares)


def is_random(text: str) -> bool:
    """Judge what stands behind an unmistakable prefix."""
    return not _EXAMPLE.search(text) and entropy(text) >= _LEAST_RANDOM


def has_digits_and_is_random(text: str) -> bool:
    """Judge what stands behind a prefix that words have too."""
    return _has(str.isdigit, text) and _has(str.isalpha, text) and is_random(text)


def is_assigned_secret(text: str) -> bool:
    """Judge a value that is given to something named like a secret.

    Names, paths, calls and references to a secret that is kept elsewhere are none.
    """
    text = _spelled_out(text)
    if _EXAMPLE.search(text) or _MADE_UP.search(text) or _REFERENCE.match(text):
        return False
    if not (_has(str.isdigit, text) or len(text) >= _LONG) or not _has(str.isalpha, text):
        return False
    if _is_name(text):
        return False
    return entropy(text) >= min(_LEAST_RANDOM, _NEARLY_MOST * math.log2(len(text)))


def is_secret_up_to_punctuation(text: str) -> bool:
    """Judge a value that may have commas and the like in it, or others of a list behind it."""
    first = _PUNCTUATION.split(text, maxsplit=1)[0]
    return is_assigned_secret(text) or (len(first) >= _SHORT and is_assigned_secret(first))


def is_spoken_secret(text: str) -> bool:
    """Judge a word of a sentence, right behind a word such as `token`."""
    return len(text) >= _LONG and entropy(text) >= _CLEARLY_RANDOM and is_assigned_secret(text)


def is_url_password(text: str) -> bool:
    """Judge what stands between user and host of a URL, where `user:pass@` is often a form."""
    if _EXAMPLE.search(text) or _MADE_UP.search(text) or text[:1] in "$%{(" or text.isdigit():
        return False
    is_word = text.isalpha() and (text.islower() or text.isupper())
    return not is_word or len(text) >= _LONG_PASSWORD


def _has(kind: Callable[[str], bool], text: str) -> bool:
    return any(map(kind, text))


def _spelled_out(text: str) -> str:
    """Decode Base64 of plain text, as Kubernetes secrets have it; anything else stays."""
    try:
        decoded = base64.b64decode(text, validate=True).decode("ascii")
    except ValueError:
        return text
    return decoded if decoded.isprintable() else text


def _is_name(text: str) -> bool:
    return all(map(_WORD.fullmatch, _WORD_ENDS.split(text)))

"""Which list of entities a question asks for: "production services in Go owned by payments"."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from portal_rag.backstage.entities import Entity
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import Selection
from portal_rag.understanding.naming import Named
from portal_rag.understanding.words import FUNCTION_WORDS, kinds_of, stem, telling_tokens

_KIND_WORDS = frozenset(
    "component api resource system domain group team squad user template".split()
)
_SYNONYMS: Mapping[str, str] = {
    "db": "database",
    "lib": "library",
    "microservice": "service",
    "site": "website",
}
_LIFECYCLES: Mapping[str, str] = {
    "production": "production",
    "prod": "production",
    "experimental": "experimental",
    "deprecated": "deprecated",
    "retired": "deprecated",
}
_OWNER_KINDS = frozenset({"group", "user"})
_ASKING = frozenset(
    "amount anything catalog count counts current currently entities everything existing lists"
    " number numbers portal registered something total type types kind kinds lifecycle tag tags"
    " tagged labelled labeled written entries entry different various many much name names"
    " overview summary reuse could there run runs".split()
)
_AS = frozenset("as with by the a any and or".split())
_BEFORE_TAGS = frozenset("tagged tag tags labelled labeled".split())
_WITHOUT = (
    r"(?:without|with no|has no|have no|having no|no|missing|lack(?:s|ing)?"
    r"|(?:do|does)(?: not|n['\u2019]?t) have)(?: an?| any| the| their)? "
)
_WITHOUT_OWNER = re.compile(
    rf"\b(?:{_WITHOUT}(?:\w+ )?owners?|unowned|ownerless|nobody owns|no one owns)\b", re.IGNORECASE
)
_WITHOUT_DOCS = re.compile(
    rf"\b(?:{_WITHOUT}(?:docs?|documentation|techdocs|runbooks?)|undocumented)\b", re.IGNORECASE
)
_SLOT = re.compile(
    r"\b(?:(?:owned|run|maintained) by|belong(?:s|ing)? to|team|squad)\s+(?:the\s+)?"
    r"(?P<name>[\w.-]*\w)|\b(?P<team>[\w.-]*\w)(?:['\u2019]s)?"
    r" (?:team|squad|system|domain)\b(?!-)",
    re.IGNORECASE,
)

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A selection, where the words for it stand, and a team or system that nobody knows."""

    selection: Selection
    read: tuple[Span, ...]
    unknown: str | None = None


@dataclass(slots=True)
class _Chosen:
    kinds: set[str] = field(default_factory=set)
    types: set[str] = field(default_factory=set)
    lifecycles: set[str] = field(default_factory=set)
    tags: set[str] = field(default_factory=set)
    read: list[Span] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Token:
    start: int
    end: int
    text: str

    @property
    def stem(self) -> str:
        return stem(self.text)


def read_selection(text: str, listed: Iterable[Entity], named: Sequence[Named]) -> Chosen:
    """Read what a list must fulfil; tags and types are those of what the asker may list.

    A word before a kind ("elixir services") or after "tagged" is a tag even if nothing has it, so
    that the list is empty rather than too long.
    """
    tokens = [each for each in _tokens(text) if not _overlaps(each, named)]
    found = _Chosen(read=[(one.start, one.end) for one in named])
    for pattern in (_WITHOUT_OWNER, _WITHOUT_DOCS):
        found.read += [match.span() for match in pattern.finditer(text)]
    _Reader(tokens, _Known.of(listed), found).run()
    selection = Selection(
        kinds=frozenset(found.kinds),
        types=frozenset(found.types),
        lifecycles=frozenset(found.lifecycles),
        tags=frozenset(found.tags),
        owners=_refs(named, _OWNER_KINDS),
        systems=_refs(named, {"system"}),
        domains=_refs(named, {"domain"}),
        without_owner=bool(_WITHOUT_OWNER.search(text)),
        without_docs=bool(_WITHOUT_DOCS.search(text)),
    )
    return Chosen(selection=selection, read=tuple(found.read), unknown=_unknown(text, named))


@dataclass(frozen=True, slots=True)
class _Known:
    """What the listed entities have, by the words for it."""

    types: Mapping[str, tuple[str, frozenset[str]]]
    lifecycles: frozenset[str]
    tags: Mapping[str, str]

    @classmethod
    def of(cls, listed: Iterable[Entity]) -> "_Known":
        kinds: dict[str, set[str]] = defaultdict(set)
        lifecycles: set[str] = set()
        tags: dict[str, str] = {}
        for entity in listed:
            if entity.type:
                kinds[entity.type.lower()].add(entity.ref.kind)
            if entity.lifecycle:
                lifecycles.add(entity.lifecycle.lower())
            tags |= {stem(tag.lower()): tag.lower() for tag in entity.tags}
        types = {stem(word): (word, frozenset(having)) for word, having in kinds.items()}
        return cls(types, frozenset(lifecycles), tags)


class _Reader:
    """Goes through the words once, and notes what each of them selects."""

    def __init__(self, tokens: Sequence[_Token], known: _Known, found: _Chosen) -> None:
        self._tokens = tokens
        self._known = known
        self._found = found

    def run(self) -> None:
        position = 0
        while position < len(self._tokens):
            position += self._pair(position) or self._single(position) or 1
        self._modifiers()

    def _pair(self, position: int) -> int:
        """Read two words that are one tag or type, such as "message brokers"."""
        first, *rest = self._tokens[position : position + 2]
        if not rest:
            return 0
        whole = f"{first.text}-{rest[0].stem}"
        if whole in self._known.types or whole in self._known.tags:
            return 2 * self._noted(_Token(first.start, rest[0].end, whole))
        return 0

    def _single(self, position: int) -> int:
        token = self._tokens[position]
        before = self._before(position)
        if before in _BEFORE_TAGS and token.text not in FUNCTION_WORDS:
            return self._tagged(token)
        if token.text in _ASKING:
            self._found.read.append((token.start, token.end))
        if token.text in FUNCTION_WORDS and not self._is_language(position):
            return self._lifecycle(token)
        return self._noted(token)

    def _noted(self, token: _Token) -> int:
        return self._lifecycle(token) or self._kind(token) or self._tag(token)

    def _before(self, position: int) -> str:
        """Return the word before, articles and such left out."""
        for token in reversed(self._tokens[max(0, position - 2) : position]):
            if token.text not in _AS:
                return token.text
        return ""

    def _is_language(self, position: int) -> bool:
        """Say whether a word such as `go` must be a tag here: "written in go", "go services"."""
        if self._tokens[position].stem not in self._known.tags:
            return False
        after = self._tokens[position + 1 : position + 2]
        return self._before(position) == "in" or bool(after and self._is_kind(after[0]))

    def _is_kind(self, token: _Token) -> bool:
        word = _SYNONYMS.get(token.stem, token.stem)
        return word in self._known.types or bool(kinds_of(word))

    def _lifecycle(self, token: _Token) -> int:
        value = _LIFECYCLES.get(token.text)
        if value is None and token.text in self._known.lifecycles:
            value = token.text
        if value is None:
            return 0
        return self._note(token, self._found.lifecycles, value)

    def _kind(self, token: _Token) -> int:
        word = _SYNONYMS.get(token.stem, token.stem)
        if word in _KIND_WORDS:
            self._found.kinds |= kinds_of(word)
            return self._note(token)
        if word in self._known.types:
            type_, kinds = self._known.types[word]
            self._found.kinds |= kinds
            return self._note(token, self._found.types, type_)
        if kinds_of(word):
            self._found.kinds |= kinds_of(word)
            is_untyped = word == "service" and self._known.types
            return self._note(token, self._found.types, *(() if is_untyped else (word,)))
        return 0

    def _tag(self, token: _Token) -> int:
        if token.stem not in self._known.tags:
            return 0
        return self._note(token, self._found.tags, self._known.tags[token.stem])

    def _tagged(self, token: _Token) -> int:
        return self._tag(token) or self._note(token, self._found.tags, token.text)

    def _modifiers(self) -> None:
        """Take an unread word right before a kind, or after "written in", for a tag."""
        for before, token, after in _neighbours(self._tokens):
            is_free = token.text not in FUNCTION_WORDS | _ASKING and not self._is_read(token)
            is_modifier = after is not None and self._is_kind(after) and self._is_read(after)
            is_written = before is not None and before.text == "written"
            if is_free and (is_modifier or is_written):
                self._tagged(token)

    def _is_read(self, token: _Token) -> bool:
        return any(token.start < end and start < token.end for start, end in self._found.read)

    def _note(self, token: _Token, into: set[str] | None = None, *values: str) -> int:
        if not self._is_read(token):
            self._found.read.append((token.start, token.end))
            if into is not None:
                into.update(values)
        return 1


def _neighbours(
    tokens: Sequence[_Token],
) -> Iterator[tuple[_Token | None, _Token, _Token | None]]:
    """Yield each word with the one before it, "in" left out, and the one after it."""
    for position, token in enumerate(tokens):
        earlier = [one for one in tokens[max(0, position - 2) : position] if one.text != "in"]
        later = tokens[position + 1] if position + 1 < len(tokens) else None
        yield (earlier[-1] if earlier else None), token, later


def _tokens(text: str) -> Iterator[_Token]:
    for start, end, token in telling_tokens(text):
        if token:
            yield _Token(start, end, token.lower())


def _overlaps(token: _Token, named: Iterable[Named]) -> bool:
    """Say whether a word belongs to a name, or is the kind beside it: "the retail domain"."""
    for one in named:
        if token.start < one.end and one.start < token.end:
            return True
        is_beside = token.start == one.end + 1 or token.end == one.start - 1
        kinds = {entity.ref.kind for entity in one.entities}
        if is_beside and kinds & kinds_of(token.text):
            return True
    return False


def _refs(named: Iterable[Named], kinds: Iterable[str]) -> frozenset[EntityRef]:
    return frozenset(
        entity.ref
        for one in named
        if len(one.entities) == 1
        for entity in one.entities
        if entity.ref.kind in set(kinds)
    )


def _unknown(text: str, named: Sequence[Named]) -> str | None:
    """Find an owner, system or domain that is asked for and that is none of the names."""
    for match in _SLOT.finditer(text):
        group = "name" if match["name"] else "team"
        start, end = match.span(group)
        known = any(start < one.end and one.start < end for one in named)
        if not known and match[group].lower() not in FUNCTION_WORDS:
            return match[group]
    return None

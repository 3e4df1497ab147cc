"""Backstage Search with an index in memory: words are alternatives, hidden documents count."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from tests.fakes.backstage_tokens import bad_input

Json = dict[str, Any]
_DEFAULT_LIMIT = 25
_MOST = 100
_WORD = re.compile(r"\w+")


def page(
    ref: str, path: str, text: str, *, title: str = "Page", type_: str = "techdocs", **more: Any
) -> Json:
    """Write what the collator of TechDocs does of a page or a section of it."""
    kind, _, rest = ref.lower().partition(":")
    namespace, _, name = rest.partition("/")
    document = {
        "kind": kind,
        "namespace": namespace,
        "name": name,
        "entityTitle": name,
        "title": title,
        "text": text,
        "path": path,
        "location": f"/docs/{namespace}/{kind}/{name}/{path}",
    }
    return {"type": type_, "document": document | more, "resourceRef": f"{kind}:{rest}"}


def described(ref: str, text: str) -> Json:
    """Write what the collator of the catalog does, which names the entity by its page alone."""
    kind, _, rest = ref.partition(":")
    namespace, _, name = rest.partition("/")
    location = f"/catalog/{namespace}/{kind}/{name}".lower()
    document = {
        "kind": kind,
        "namespace": namespace,
        "title": name,
        "text": text,
        "location": location,
    }
    return {"type": "software-catalog", "document": document, "resourceRef": ref.lower()}


class SearchIndex:
    """Documents may be changed while it is searched; a rare word counts for more, as in Lunr."""

    def __init__(self, documents: Sequence[Json] = ()) -> None:
        self.documents = list(documents)

    def answer(self, query: str, may_read: Callable[[str], bool]) -> Json:
        """Answer the query string of a request, for whom may read some of the entities."""
        params = parse_qsl(query, keep_blank_values=True)
        words, types, limit = _checked(params, {each["type"] for each in self.documents})
        counts = {word: sum(word in _words(each) for each in self.documents) for word in words}
        rarity = {word: math.log1p(len(self.documents) / n) for word, n in counts.items() if n}
        scored = [
            (sum(rarity[word] for word in rarity.keys() & _words(each)), each)
            for each in self.documents
            if not types or each["type"] in types
        ]
        found = [
            each
            for score, each in sorted(scored, key=lambda one: -one[0])
            if score and may_read(each["resourceRef"])
        ]
        more = {"nextPageCursor": "MQ=="} if len(found) > limit else {}
        return {"results": [_result(n, each) for n, each in enumerate(found[:limit], 1)], **more}


def _checked(params: Sequence[tuple[str, str]], known: set[str]) -> tuple[set[str], set[str], int]:
    first = dict(params)
    term, limit = first.get("term", ""), int(first.get("pageLimit", _DEFAULT_LIMIT))
    types = {value for name, value in params if re.fullmatch(r"types(\[\d*\])?", name)}
    if len(term) > _MOST:
        raise bad_input('The term length "term" is greater than the maximum allowed')
    if limit > _MOST:
        raise bad_input("The page limit is greater than the maximum allowed")
    if types - known:
        raise bad_input("Invalid enum value")
    return set(_WORD.findall(term.lower())), types, limit


def _words(document: Mapping[str, Any]) -> set[str]:
    fields = document["document"]
    return set(_WORD.findall(f"{fields['title']} {fields['text']}".lower()))


def _result(rank: int, document: Json) -> Json:
    tagged = f"<mark>{document['document']['text']}</mark>"
    highlight = {"preTag": "<mark>", "postTag": "</mark>", "fields": {"text": tagged}}
    shown = {"type": document["type"], "document": document["document"]}
    return {**shown, "rank": rank, "highlight": highlight}

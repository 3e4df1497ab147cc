"""Entities and condition trees for property tests, and what the rules' own texts say of them."""

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from portal_rag.corpus.conditions import AllOf, AnyOf, Condition, Not, Rule

Json = Any
KINDS = ("Component", "API", "Group", "system")
OWNERS = ("group:default/payments", "user:default/Alice", "group:default/web")
NAMES = ("visibility", "Visibility", "acme.com/tier", "a=b", "a", "Σ")
VALUES = ("public", "PUBLIC", "b", "c=d", "true", "ß", "x" * 201)
TEXTS = st.sampled_from(VALUES)
PAIRS = st.dictionaries(st.sampled_from(NAMES), TEXTS, max_size=3)
LEAVES = (
    st.none()
    | st.booleans()
    | TEXTS
    | st.integers(-(10**22), 10**22)
    | st.sampled_from((0.5, 1.0, -2.25, 1e21, 1e-7, 123456.789, 3e20))
)
FIELDS = st.sampled_from(("type", "Items", "deep", "a=b", "tags", "k" * 190, "k" * 200))
VALUES_OF_ANY_DEPTH = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=3),
    max_leaves=6,
)
ROW_KEYS = st.sampled_from(
    (
        *("name", "uid", "namespace", "etag", "tags", "Tags.Public", "tags.b", "tags.true"),
        *("labels", "labels.visibility", "labels.Σ", "annotations.a=b", "type", "type.deep"),
        *("items", "items.type", "deep.items", "a=b", "k" * 190, "k" * 200, "", "Σ"),
    )
)
ROW_VALUES = st.sampled_from(
    (
        *VALUES,
        *("default", "shop", "false", "0.5", "1", "-2.25", "1e+21", "1e-7", "123456.789", "0"),
        "300000000000000000000",
    )
)


@st.composite
def entities(draw: st.DrawFn) -> Json:
    """Make entities of a few words, so that rules often meet them."""
    metadata = draw(
        st.fixed_dictionaries(
            {"name": st.sampled_from(("shop", "Cart"))},
            optional={
                "namespace": st.sampled_from(("default", "Ops")),
                "uid": st.just("u-1"),
                "etag": st.just("e-1"),
                "labels": PAIRS,
                "annotations": PAIRS,
                "tags": st.lists(TEXTS, max_size=3),
                "type": VALUES_OF_ANY_DEPTH,
            },
        )
    )
    relation = st.fixed_dictionaries(
        {
            "type": st.sampled_from(("ownedBy", "partOf")),
            "targetRef": st.sampled_from(OWNERS),
        }
    )
    rest = st.fixed_dictionaries(
        {"kind": st.sampled_from(KINDS)},
        optional={
            "spec": st.dictionaries(FIELDS, VALUES_OF_ANY_DEPTH, max_size=3),
            "relations": st.lists(relation, max_size=3),
        },
    )
    return {"apiVersion": "v1", "metadata": metadata, **draw(rest)}


def rule(name: str, **params: Any) -> Rule:
    return Rule(
        name=name,
        resource_type="catalog-entity",
        params={key: value for key, value in params.items() if value is not ...},
    )


def pair_rules(name: str, key: str, keys: st.SearchStrategy[str]) -> st.SearchStrategy[Rule]:
    values = st.just(...) | ROW_VALUES
    return st.builds(lambda k, v: rule(name, **{key: k}, value=v), keys, values)


KNOWN_RULES = st.one_of(
    pair_rules("HAS_LABEL", "label", st.sampled_from(NAMES)),
    pair_rules("HAS_ANNOTATION", "annotation", st.sampled_from(NAMES)),
    pair_rules("HAS_METADATA", "key", ROW_KEYS),
    pair_rules("HAS_SPEC", "key", ROW_KEYS),
    st.lists(st.sampled_from((*KINDS, "API", "nothing")), max_size=2).map(
        lambda kinds: rule("IS_ENTITY_KIND", kinds=tuple(kinds))
    ),
    st.lists(st.sampled_from((*OWNERS, "user:default/alice")), max_size=2).map(
        lambda claims: rule("IS_ENTITY_OWNER", claims=tuple(claims))
    ),
)
UNKNOWN_RULES = (
    rule("IS_FRIDAY"),
    rule("HAS_LABEL", label="visibility", color="red"),
    rule("HAS_LABEL", value="public"),
    rule("HAS_SPEC", key="type", value=1),
    rule("IS_ENTITY_KIND", kinds="api"),
    rule("IS_ENTITY_OWNER", claims=("a", 1)),
    Rule(name="IS_ENTITY_KIND", resource_type="template", params={"kinds": ("api",)}),
)


def trees(rules: st.SearchStrategy[Rule], *, fewest: int = 0) -> st.SearchStrategy[Condition]:
    def nested(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
        parts = st.lists(inner, min_size=fewest, max_size=3).map(tuple)
        return st.one_of(st.builds(AnyOf, parts), st.builds(AllOf, parts), st.builds(Not, inner))

    leaves: st.SearchStrategy[Condition] = rules.map(lambda each: each)
    return st.recursive(leaves, nested, max_leaves=6)


CONDITIONS = trees(KNOWN_RULES | st.sampled_from(UNKNOWN_RULES))
KNOWN_CONDITIONS = trees(KNOWN_RULES, fewest=1)


def encoded(condition: Condition) -> Json:
    """Write a tree as Backstage sends it."""
    match condition:
        case AnyOf(parts=parts):
            return {"anyOf": [encoded(part) for part in parts]}
        case AllOf(parts=parts):
            return {"allOf": [encoded(part) for part in parts]}
        case Not(part=part):
            return {"not": encoded(part)}
        case Rule(name=name, resource_type=resource_type, params=params):
            plain = {
                key: list(value) if isinstance(value, tuple) else value
                for key, value in params.items()
            }
            return {"rule": name, "resourceType": resource_type, "params": plain}


def said_by_the_rules(condition: Condition, entity: Json) -> bool | None:
    """Evaluate a tree as the text of the rules has it, without any predicates."""
    match condition:
        case AnyOf(parts=parts):
            each = [said_by_the_rules(part, entity) for part in parts]
            return True if True in each else None if None in each else False
        case AllOf(parts=parts):
            each = [said_by_the_rules(part, entity) for part in parts]
            if not each or False in each:
                return False
            return None if None in each else True
        case Not(part=part):
            found = said_by_the_rules(part, entity)
            return None if found is None else not found
        case Rule():
            return None if condition in UNKNOWN_RULES else _applied(condition, entity)


def _applied(condition: Rule, entity: Json) -> bool:
    params: Any = condition.params
    metadata = entity["metadata"]
    match condition.name:
        case "HAS_LABEL":
            return _has_pair(metadata.get("labels"), params["label"], params.get("value"))
        case "HAS_ANNOTATION":
            return _has_pair(metadata.get("annotations"), params["annotation"], params.get("value"))
        case "HAS_METADATA":
            return _has_row(entity, f"metadata.{params['key']}", params.get("value"))
        case "HAS_SPEC":
            return _has_row(entity, f"spec.{params['key']}", params.get("value"))
        case "IS_ENTITY_KIND":
            return entity["kind"].lower() in [kind.lower() for kind in params["kinds"]]
        case _:
            owned_by = [each for each in entity.get("relations", ()) if each["type"] == "ownedBy"]
            return any(each["targetRef"] in params["claims"] for each in owned_by)


def _has_pair(pairs: Json, key: str, value: str | None) -> bool:
    return any(
        name.lower() == key.lower() and (value is None or text.lower() == value.lower())
        for name, text in (pairs or {}).items()
    )


def _has_row(entity: Json, key: str, value: str | None) -> bool:
    return any(
        row_key == key.lower() and (value is None or row_value == value.lower())
        for row_key, row_value in _rows(entity)
    )


def _rows(entity: Json) -> Iterator[tuple[str, str | None]]:
    metadata = entity["metadata"]
    raw = list(_traversed("", entity))
    raw += [(f"metadata.{field}", metadata.get(field)) for field in ("name", "namespace", "uid")]
    if not metadata.get("namespace"):
        raw.append(("metadata.namespace", "default"))
    for key, value in raw:
        if len(key) <= 200:
            text = None if value is None else _as_javascript(value).lower()
            yield key.lower(), None if text is None or len(text) > 200 else text


def _traversed(path: str, value: Json) -> Iterator[tuple[str, Json]]:
    if path in ("relations", "metadata.name", "metadata.namespace", "metadata.uid"):
        return
    if path == "metadata.etag":
        return
    if isinstance(value, list):
        for item in value:
            yield from _traversed(path, item)
            if isinstance(item, str):
                yield f"{path}.{item}", True
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _traversed(f"{path}.{key}" if path else key, item)
    else:
        yield path, value


def _as_javascript(value: Json) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        number = float(value)
        if number == int(number) and abs(number) < 1e21:
            return _integer(number)
        return f"{number!r}".replace("e-0", "e-").replace("e+0", "e+")
    return str(value)


def _integer(number: float) -> str:
    shortest = next(text for n in range(17) if float(text := f"{number:.{n}e}") == number)
    digits, _, power = shortest.partition("e")
    sign = "-" if number < 0 else ""
    return sign + digits.lstrip("-").replace(".", "").ljust(int(power) + 1, "0")

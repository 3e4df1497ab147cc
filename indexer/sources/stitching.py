"""Relations between entities, both ways, as Backstage's catalog derives them from the specs."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from portal_rag.corpus.entity_ref import DEFAULT_NAMESPACE, EntityRef
from portal_rag.errors import InputError

# kind -> (spec field, default kind of what it names, relation, inverse relation)
_Rule = tuple[str, str | None, str, str]
_OWNER: _Rule = ("owner", "group", "ownedBy", "ownerOf")
_SYSTEM: _Rule = ("system", "system", "partOf", "hasPart")
_DEPENDS_ON: _Rule = ("dependsOn", None, "dependsOn", "dependencyOf")
_DEPENDENCY_OF: _Rule = ("dependencyOf", None, "dependencyOf", "dependsOn")
_RULES: Mapping[str, tuple[_Rule, ...]] = {
    "component": (
        _OWNER,
        ("subcomponentOf", "component", "partOf", "hasPart"),
        ("providesApis", "api", "providesApi", "apiProvidedBy"),
        ("consumesApis", "api", "consumesApi", "apiConsumedBy"),
        _DEPENDS_ON,
        _DEPENDENCY_OF,
        _SYSTEM,
    ),
    "api": (_OWNER, _SYSTEM),
    "resource": (_OWNER, _DEPENDS_ON, _DEPENDENCY_OF, _SYSTEM),
    "system": (_OWNER, ("domain", "domain", "partOf", "hasPart")),
    "domain": (_OWNER, ("subdomainOf", "domain", "partOf", "hasPart")),
    "group": (
        ("parent", "group", "childOf", "parentOf"),
        ("children", "group", "parentOf", "childOf"),
        ("members", "user", "hasMember", "memberOf"),
    ),
    "user": (("memberOf", "group", "memberOf", "hasMember"),),
    "template": (_OWNER,),
}
_SORTED_FIELDS = frozenset({"providesApis", "consumesApis", "dependsOn", "dependencyOf"}) | {
    "memberOf",
    "children",
    "members",
}

Stitched = tuple[list[dict[str, Any]], list[tuple[EntityRef, str]]]
_Relation = tuple[EntityRef, str, EntityRef]


def stitch(entities: Sequence[Mapping[str, Any]]) -> Stitched:
    """Give every entity its namespace and its `relations`, sorted by type and target.

    The entities are valid and each is there once. What an entity names need not exist. The second
    list says, by entity, which of its references cannot be read; those make no relation.
    """
    relations: dict[EntityRef, set[tuple[str, str]]] = defaultdict(set)
    problems: list[tuple[EntityRef, str]] = []
    for entity in entities:
        for relation in _relations(entity, problems):
            source, kind, target = relation
            relations[source].add((kind, str(target)))
    return [_with_relations(entity, relations[ref_of(entity)]) for entity in entities], problems


def ref_of(entity: Mapping[str, Any]) -> EntityRef:
    """Name a valid entity."""
    metadata = entity["metadata"]
    namespace = metadata.get("namespace") or DEFAULT_NAMESPACE
    return EntityRef(entity["kind"], namespace, metadata["name"])


def _relations(
    entity: Mapping[str, Any], problems: list[tuple[EntityRef, str]]
) -> Iterator[_Relation]:
    own = ref_of(entity)
    spec = entity.get("spec") or {}
    for field, default_kind, relation, inverse in _RULES.get(own.kind, ()):
        for text in _texts(spec.get(field)):
            try:
                target = _parse(text, default_kind, own.namespace)
            except InputError as error:
                problems.append((own, f"spec.{field}: {error.message}"))
                continue
            yield own, relation, target
            yield target, inverse, own


def _texts(value: object) -> Iterable[str]:
    values = value if isinstance(value, list) else [value]
    return (each for each in values if isinstance(each, str))


def _parse(text: str, default_kind: str | None, namespace: str) -> EntityRef:
    ref = EntityRef.parse(text, default_kind=default_kind)
    return ref if "/" in text else EntityRef(ref.kind, namespace, ref.name)


def _with_relations(
    entity: Mapping[str, Any], relations: Iterable[tuple[str, str]]
) -> dict[str, Any]:
    namespace = entity["metadata"].get("namespace") or DEFAULT_NAMESPACE
    stitched = {**entity, "metadata": {**entity["metadata"], "namespace": namespace}}
    if entity.get("spec"):
        stitched["spec"] = {
            field: sorted(value) if field in _SORTED_FIELDS and _is_texts(value) else value
            for field, value in entity["spec"].items()
        }
    stitched["relations"] = [
        {"type": kind, "targetRef": target} for kind, target in sorted(relations)
    ]
    return stitched


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)

"""Facts that stand in the fields of an entity: description, lifecycle, links, repository."""

import re
from collections.abc import Callable, Iterable, Mapping

from portal_rag.backstage.entities import Entity, Link
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import LinkKind, Mention, Topic
from portal_rag.domain.links import CHAT, DASHBOARD, RUNBOOK
from portal_rag.domain.topics import TEAM_KINDS
from portal_rag.evidence.catalog.reading import Visible
from portal_rag.evidence.catalog.stating import Stating

_LIFECYCLE_TAGS = frozenset(
    "deprecated experimental production retired sunset decommissioned end-of-life eol".split()
)
_SUCCESSION = re.compile(
    r"\breplac|\bsupersed|\bsuccess|\binstead\b|\bmoved? to\b|\bmigrat|\bdeprecat|\bswitched off\b"
    r"|\bretire|\bno longer\b|\bend of life\b|\bdissolved\b",
    re.IGNORECASE,
)
_SYSTEMS = (
    ("Argo CD application", re.compile(r"\bargo", re.IGNORECASE), "argocd/app-name"),
    ("in Kubernetes", re.compile(r"\bkube|\bk8s\b", re.IGNORECASE), "backstage.io/kubernetes-id"),
)
"""The annotations that are told: others may hold keys."""
_CODE = re.compile(r"\b(?:source|repo|repository|code|github|gitlab|bitbucket)\b", re.IGNORECASE)


def tells_what_became_of_it(entity: Entity) -> bool:
    """Say whether the description speaks of an end, or of what comes after it."""
    return bool(_SUCCESSION.search(entity.description or ""))


def field_mentions(topic: Topic, entity: Entity, wanted: LinkKind | None) -> Iterable[Mention]:
    """Read what the fields say; links of the wanted kind alone if there is one."""
    if topic == "links":
        return links(entity, wanted)
    reader = _READERS.get(topic)
    return reader(entity) if reader else ()


def links(entity: Entity, wanted: LinkKind | None) -> Iterable[Mention]:
    """Mention the links of an entity."""
    for link in entity.links:
        if wanted is None or wanted.fits(link):
            yield Mention(label=_label(link), url=link.url, note=link.type or "")


def identifiers(entity: Entity, text: str) -> Iterable[Mention]:
    """Mention what the entity is called in a system that the text speaks of."""
    for name, words, annotation in _SYSTEMS:
        value = entity.annotations.get(annotation)
        if value and words.search(text):
            yield Mention(label=value, note=name)


def _description(entity: Entity) -> Iterable[Mention]:
    if entity.description:
        yield Mention(label=" ".join(entity.description.split()))


def _lifecycle(entity: Entity) -> Iterable[Mention]:
    """Read the lifecycle; kinds that have none are marked by tags."""
    if entity.lifecycle:
        yield Mention(label=entity.lifecycle)
        return
    for tag in entity.tags:
        if tag.lower() in _LIFECYCLE_TAGS:
            yield Mention(label=tag, note="by its tags")


def _type(entity: Entity) -> Iterable[Mention]:
    if entity.type:
        yield Mention(label=f"{entity.kind} of type {entity.type}")


def _runbooks(entity: Entity) -> Iterable[Mention]:
    """Keep the links that are typed or titled as runbooks."""
    for link in entity.links:
        if RUNBOOK.fits(link):
            yield Mention(label=_label(link), url=link.url)


def _repository(entity: Entity) -> Iterable[Mention]:
    """Say where the code is, or else where the entity is described."""
    if entity.source_url:
        yield Mention(label=entity.source_url, url=entity.source_url)
        return
    code = [link for link in entity.links if _CODE.search(f"{link.type} {link.title} {link.icon}")]
    for link in code:
        yield Mention(label=_label(link), url=link.url)
    described = entity.view_url or entity.edit_url
    if described and not code:
        yield Mention(label=described, url=described, note="its catalog file")


_READERS: Mapping[Topic, Callable[[Entity], Iterable[Mention]]] = {
    "description": _description,
    "lifecycle": _lifecycle,
    "type": _type,
    "runbooks": _runbooks,
    "repository": _repository,
}


def docs_mentions(entity: Entity, visible: Visible, stating: Stating) -> Iterable[Mention]:
    """Say where the documentation is, which may be that of another entity."""
    owner = visible.get(entity.docs_ref) if entity.docs_ref else None
    if owner:
        label = f"documentation of {owner.display_name}"
        yield Mention(label=label, ref=owner.ref, url=stating.docs_url(owner.ref))


def contact_mentions(entity: Entity, visible: Visible) -> Iterable[Mention]:
    """Say how to reach the owners, or the team itself if it is the subject."""
    teams = [visible[ref] for ref in entity.targets("ownedBy") if ref in visible]
    for team in [entity] if entity.ref.kind in TEAM_KINDS else teams:
        if team.email:
            yield Mention(label=team.email, note=team.display_name)
        for link in team.links:
            yield Mention(label=_label(link), url=link.url, note=team.display_name)


def channel_mentions(entity: Entity, visible: Visible) -> Iterable[Mention]:
    """Say where the people behind an entity can be asked: its own channel, then its owners'."""
    own = [] if entity.ref.kind in TEAM_KINDS else [one for one in entity.links if CHAT.fits(one)]
    for link in own:
        yield Mention(label=_label(link), url=link.url)
    yield from contact_mentions(entity, visible)


def offered_mentions(entity: Entity, visible: Visible, stating: Stating) -> Iterable[Mention]:
    """Mention the links that are worth opening next; the note says what each is."""
    for mention in _runbooks(entity):
        yield Mention(label=mention.label, url=mention.url, note="runbook")
    for mention in docs_mentions(entity, visible, stating):
        yield Mention(label=mention.label, url=mention.url, note="docs")
    if entity.source_url:
        yield Mention(label=entity.display_name, url=entity.source_url, note="repository")
    for mention in links(entity, DASHBOARD):
        yield Mention(label=mention.label, url=mention.url, note="dashboard")
    if entity.edit_url and _lacks_something(entity, visible):
        yield Mention(label=entity.display_name, url=entity.edit_url, note="fix")


def _lacks_something(entity: Entity, visible: Visible) -> bool:
    """Say whether owner or documentation cannot be found; teams need neither."""
    if entity.ref.kind in TEAM_KINDS:
        return False
    return not _is_seen(entity.owners, visible) or not _is_seen((entity.docs_ref,), visible)


def _is_seen(refs: Iterable[EntityRef | None], visible: Visible) -> bool:
    return any(ref in visible for ref in refs)


def _label(link: Link) -> str:
    return link.title or link.url

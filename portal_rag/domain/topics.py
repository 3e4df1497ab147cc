"""Which topics make sense for which kinds of entities."""

from portal_rag.backstage.entities import Entity
from portal_rag.domain.questions import Topic

TEAM_KINDS = frozenset({"group", "user"})


def applies(topic: Topic, entity: Entity) -> bool:
    """Say whether an entity of this kind can have such a thing at all."""
    if topic == "providers":
        return entity.ref.kind == "api"
    if topic in ("apis_provided", "apis_consumed"):
        return entity.ref.kind != "api"
    return topic != "owner" or entity.ref.kind not in TEAM_KINDS

from dataclasses import replace
from datetime import timedelta

import pytest

from portal_rag.backstage.entities import Entity
from portal_rag.confidence import assess, warn
from portal_rag.domain import (
    AnswerWarning,
    Consulted,
    Draft,
    Evidence,
    Fact,
    Mention,
    Query,
    Source,
    Statement,
    Topic,
)
from tests.factories import APP_URL, NOW, make_entity, make_json, make_passage, make_source
from tests.factories import make_question as asked

OWNERS = ["group:default/team-gone", "group:default/team-web"]
SHOP = make_entity("component:default/shop", relations={"ownedBy": OWNERS})
SOURCE = make_source(kind="catalog", title="Shop")
CATALOG_OK = Consulted(source="catalog", state="ok", took_ms=1)


def asking(subject: Entity, topic: Topic = "owner") -> Query:
    return Query(
        question=asked("Who owns it?"),
        intent="ownership",
        purpose="facts",
        topics=(topic,),
        document_kinds=frozenset(),
        subjects=(subject,),
    )


def drafted(*sources: Source) -> Draft:
    statement = Statement(text="x", citations=(1,))
    return Draft(status="answered", statements=(statement,), sources=sources)


def owned_by(subject: Entity, *refs: str) -> Fact:
    mentions = tuple(Mention(label=ref, ref=make_entity(ref).ref) for ref in refs)
    return Fact(topic="owner", subject=subject, mentions=mentions, source=SOURCE)


def warnings(subject: Entity, *facts: Fact, consulted: Consulted = CATALOG_OK) -> list[str]:
    evidence = Evidence(facts=facts, consulted=(consulted,))
    return [one.code for one in warn(asking(subject), drafted(SOURCE), evidence, NOW)]


def runbook(name: str, *, days: int | None, entity: str = "component:default/shop") -> Source:
    return make_source(
        title=f"shop > {name}",
        url=f"{APP_URL}/docs/default/component/shop/runbooks/{name}/#steps",
        entity_ref=make_entity(entity).ref,
        modified_at=None if days is None else NOW - timedelta(days=days),
    )


def of_pages(*sources: Source) -> tuple[AnswerWarning, ...]:
    evidence = Evidence(passages=tuple(make_passage(source=source) for source in sources))
    return warn(asking(SHOP, "docs"), drafted(*sources), evidence, NOW)


def test_an_old_source_lowers_the_confidence_and_is_warned_about() -> None:
    old = make_source(stale=True, modified_at=NOW - timedelta(days=427))
    evidence = Evidence(facts=(replace(owned_by(SHOP, *OWNERS), source=old),))
    confidence = assess(asking(SHOP), drafted(old), evidence, None, NOW)
    assert confidence is not None
    assert confidence.level == "medium"
    assert "a source is old" in confidence.reasons
    (warning,) = warn(asking(SHOP), drafted(old), evidence, NOW)
    assert (warning.code, warning.source_ids) == ("stale_source", (1,))
    assert warning.message == "shop > Runbook was last changed or reviewed 14 months ago."


def test_an_owner_that_is_not_there_is_warned_about_without_its_name() -> None:
    evidence = Evidence(facts=(owned_by(SHOP, OWNERS[1]),), consulted=(CATALOG_OK,))
    (warning,) = warn(asking(SHOP), drafted(SOURCE), evidence, NOW)
    assert (warning.code, warning.source_ids) == ("owner_not_found", (1,))
    assert "team-gone" not in warning.message
    confidence = assess(asking(SHOP), drafted(SOURCE), evidence, None, NOW)
    assert confidence is not None
    assert confidence.level == "medium"


def test_owners_that_are_all_there_are_not_warned_about() -> None:
    assert warnings(SHOP, owned_by(SHOP, *OWNERS)) == []


def test_no_owner_at_all_is_known_only_if_the_catalog_was_asked_for_it() -> None:
    assert warnings(SHOP) == ["owner_not_found"]
    down = Consulted(source="catalog", state="timeout", took_ms=1)
    assert warnings(SHOP, consulted=down) == ["source_unavailable"]
    evidence = Evidence(consulted=(CATALOG_OK,))
    assert warn(asking(SHOP, "description"), drafted(SOURCE), evidence, NOW) == ()


def test_an_entity_that_names_no_owner_lacks_none() -> None:
    assert warnings(make_entity("component:default/shop")) == []


def test_an_orphaned_entity_is_warned_about() -> None:
    orphan = make_entity("component:default/job", annotations={"backstage.io/orphan": "true"})
    evidence = Evidence(facts=(owned_by(orphan),))
    (warning,) = warn(asking(orphan), drafted(SOURCE), evidence, NOW)
    assert (warning.code, warning.source_ids) == ("orphaned_entity", (1,))
    assert warning.message.startswith("job is orphaned: nothing registers it")


@pytest.mark.parametrize(("errors", "found"), [(1, "an error"), (2, "2 errors")])
def test_errors_of_the_catalog_are_counted_and_not_quoted(errors: int, found: str) -> None:
    item = {"level": "error", "type": "t", "message": "secret-path"}
    items = [item] * errors + [{"level": "warning", "message": "x"}, "junk"]
    entity = Entity.parse(make_json("component:default/job") | {"status": {"items": items}})
    assert entity is not None
    (warning,) = warn(asking(entity), drafted(SOURCE), Evidence(), NOW)
    assert warning.code == "catalog_errors"
    assert f"reports {found} in processing job" in warning.message
    assert "secret" not in warning.message


def test_an_older_edition_beside_a_newer_one_is_warned_about() -> None:
    (warning,) = of_pages(runbook("restart-kafka-v2", days=3), runbook("restart-kafka", days=90))
    assert (warning.code, warning.source_ids) == ("stale_source", (2,))
    assert warning.message == (
        "shop > restart-kafka is older than shop > restart-kafka-v2, which is about the same."
    )


@pytest.mark.parametrize(
    "other",
    [
        runbook("restart-redis", days=90),
        runbook("restart-kafka", days=90),
        runbook("restart-kafka-v1", days=None),
        runbook("restart-kafka-v1", days=90, entity="component:default/other"),
    ],
)
def test_pages_about_something_else_are_no_editions_of_each_other(other: Source) -> None:
    newer = runbook("restart-kafka", days=3)
    assert of_pages(newer, other) == ()


def test_an_answer_that_claims_nothing_warns_of_no_entity() -> None:
    orphan = make_entity("component:default/job", annotations={"backstage.io/orphan": "true"})
    draft = replace(drafted(), status="clarify")
    assert warn(asking(orphan), draft, Evidence(), NOW) == ()

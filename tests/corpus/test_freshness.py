from datetime import timedelta

import pytest

from portal_rag.corpus.freshness import Freshness
from portal_rag.errors import ConfigurationError
from tests.factories import NOW

YEAR_AND_A_DAY = NOW - timedelta(days=366)


def test_a_document_is_stale_once_it_is_older_than_its_kind_may_be() -> None:
    freshness = Freshness.parse(365, " runbook = 180, adr=never ")
    assert freshness.is_stale("guide", YEAR_AND_A_DAY, NOW)
    assert not freshness.is_stale("guide", NOW - timedelta(days=365), NOW)
    assert freshness.is_stale("runbook", NOW - timedelta(days=181), NOW)
    assert not freshness.is_stale("adr", YEAR_AND_A_DAY, NOW)


def test_what_does_not_say_when_it_changed_is_never_stale() -> None:
    assert not Freshness.parse(1).is_stale("guide", None, NOW)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("manual=3", "'manual' is no kind of document; the kinds are runbook, adr"),
        ("runbook", "'runbook' must give a number of days"),
        ("runbook=0", "'runbook=0' must give a number of days"),
        ("runbook=1.5", "runbook=never"),
        ("runbook=999999999999", "number of days"),
        ("adr=never,adr=3", "names adr twice"),
    ],
)
def test_a_wrong_override_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(ConfigurationError, match="STALE_AFTER_DAYS_BY_KIND") as refusal:
        Freshness.parse(365, text)
    assert named in refusal.value.message

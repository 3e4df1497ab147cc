"""No source of evidence can bring a secret into an answer, whatever it found."""

import random
import string
from dataclasses import replace

import pytest

from portal_rag.domain import Evidence, Fact, Mention
from portal_rag.evidence.finding import Finding
from portal_rag.evidence.redacting import without_secrets
from tests.factories import make_entity, make_passage, make_source
from tests.portal_rag.test_gathering import FakeSource, gather

_DRAWN = "".join(random.Random(7).choices(string.ascii_letters, k=20)) + "0123456789abcdef"  # noqa: S311
SECRET = "ghp" + "_" + _DRAWN
MARKER = "[redacted github-token]"


def fact(*mentions: Mention, excerpt: str = "links") -> Fact:
    entity = make_entity("component:default/shop")
    return Fact(
        topic="links", subject=entity, mentions=mentions, source=make_source(excerpt=excerpt)
    )


def cleaned(*mentions: Mention) -> tuple[Mention, ...]:
    return without_secrets(Evidence(facts=(fact(*mentions),))).facts[0].mentions


async def test_whatever_is_gathered_is_redacted() -> None:
    told = fact(Mention(label=f"Use {SECRET}"), excerpt=f"Use {SECRET}")
    quoted = make_passage(f"Call it with {SECRET}.")
    evidence = await gather(FakeSource("any", Finding(facts=(told,), passages=(quoted,))))
    assert _DRAWN not in repr(evidence)
    assert evidence.facts[0].mentions[0].label == f"Use {MARKER}"
    assert evidence.passages[0].text == f"Call it with {MARKER}."
    assert evidence.passages[0].source.excerpt == evidence.passages[0].text


def test_evidence_without_secrets_is_left_as_it_is() -> None:
    plain = Mention(label="Runbook", url="https://runbooks.example/a", note="runbook")
    evidence = Evidence(facts=(fact(plain),), passages=(make_passage(),))
    assert without_secrets(evidence) == evidence


def test_a_link_whose_address_holds_a_secret_is_no_link() -> None:
    url = f"https://x.example/?key={SECRET}"
    titled, bare = cleaned(Mention(label="Board", url=url), Mention(label=url, url=url))
    assert (titled.label, titled.url) == ("Board", None)
    assert "withheld" in bare.label
    assert bare.url is None


def test_notes_and_titles_of_links_are_redacted() -> None:
    (mention,) = cleaned(Mention(label=SECRET, url="https://x.example", note=f"of {SECRET}"))
    assert mention == Mention(label=MARKER, url="https://x.example", note=f"of {MARKER}")


def test_what_operators_are_told_of_a_source_is_redacted() -> None:
    source = make_source(id=f"files/techdocs:component:default/shop/{SECRET}/:0")
    (kept,) = without_secrets(Evidence(passages=(replace(make_passage(), source=source),))).passages
    assert kept.source.id == f"files/techdocs:component:default/shop/{MARKER}/:0"


def test_an_anchor_made_of_a_secret_heading_is_cut_off() -> None:
    source = make_source(title=f"Shop > {SECRET}", url=f"https://x.example/docs/#{SECRET.lower()}")
    passage = replace(make_passage(), source=source)
    (kept,) = without_secrets(Evidence(passages=(passage,))).passages
    assert (kept.source.title, kept.source.url) == (f"Shop > {MARKER}", "https://x.example/docs/")


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        (f"https://x.example/docs/?key={SECRET}#top", "https://x.example/docs/"),
        (f"https://x.example/docs/#{SECRET}", "https://x.example/docs/"),
        (f"https://x.example:8443/{SECRET}/docs/", "https://x.example:8443"),
        (f"https://ann:{SECRET}@x.example/docs/", "https://x.example"),
        (f"https://{SECRET}/", ""),
        ("https://x.example/docs/?page=2#top", "https://x.example/docs/?page=2#top"),
    ],
)
def test_the_address_of_a_source_is_cut_before_a_secret(address: str, kept: str) -> None:
    passage = replace(make_passage(), source=make_source(url=address))
    (told,) = without_secrets(Evidence(passages=(passage,))).passages
    assert told.source.url == kept

"""From a page of a docs site to a document, the same whichever way the page was read."""

from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import unquote

from indexer.sources.dating import midnight, reviewed_on
from indexer.sources.document_kind import document_kind
from indexer.sources.source import Failure
from portal_rag.corpus.documents import Document, DocumentKind, Section
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.redaction import redact


@dataclass(frozen=True, slots=True, kw_only=True)
class DocsSite:
    """The docs of one entity; `source` is what its documents are stored under.

    Pages that are no TechDocs site stand below a `prefix` and have one `link` for all.
    """

    source: str
    owner: EntityRef
    title: str
    app_url: str
    prefix: str = ""
    link: str | None = None

    def path_of(self, location: str) -> str:
        return f"{self.owner}/{self.prefix}{location}"

    def url_of(self, location: str) -> str:
        """Where the page is shown: by TechDocs, unless there is a link."""
        if self.link:
            return self.link
        owner = self.owner
        return f"{self.app_url}/docs/{owner.namespace}/{owner.kind}/{owner.name}/{location}"


def page_document(
    site: DocsSite,
    *,
    location: str,
    nav_title: str,
    sections: tuple[Section, ...],
    written_on: date | None = None,
    built_at: datetime | None = None,
    kind: DocumentKind | None = None,
    url: str | None = None,
) -> Document | Failure:
    """Make a page's document; its title is its first heading of the first level.

    A page whose address holds a secret is none: citing it would tell.

    `kind` and `url` are what the page says of itself, where it does.

    Its date is the one that its author gave (`written_on`, or a visible review date), before the
    time at which the site was built.
    """
    if in_address := redact(unquote(location)).findings:
        return _unaddressable(site, in_address[0].rule)
    title = next((s.title for s in sections if s.level == 1 and s.title), nav_title)
    day = written_on or reviewed_on(sections)
    return Document(
        source=site.source,
        path=site.path_of(location),
        title=title,
        site_title=site.title,
        url=url or site.url_of(location),
        entity_ref=site.owner,
        resource_ref=site.owner,
        kind=kind or document_kind(site.prefix + location, title),
        modified_at=midnight(day) if day else built_at,
        sections=sections,
    )


def _unaddressable(site: DocsSite, rule: str) -> Failure:
    """Name nothing that is stored, so that what an older version stored of the page goes."""
    return Failure(
        scope=site.path_of(f"[redacted {rule}]"),
        reason=f"{site.owner}: the address of a page holds a secret ({rule}); rename the page",
    )

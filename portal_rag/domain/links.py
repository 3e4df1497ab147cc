"""What kind of link a question asks for, and which links of an entity are of that kind."""

import re
from dataclasses import dataclass

from portal_rag.backstage.entities import Link


@dataclass(frozen=True, slots=True)
class LinkKind:
    """A kind of link: `name` with its article for sentences, and how askers and links call it."""

    name: str
    asked: re.Pattern[str]
    told: re.Pattern[str]

    def fits(self, link: Link) -> bool:
        """Say whether the type, the title or the icon of a link is of this kind."""
        return bool(self.told.search(f"{link.type or ''} {link.title or ''} {link.icon or ''}"))


def _kind(name: str, asked: str, told: str) -> LinkKind:
    return LinkKind(name, re.compile(asked, re.IGNORECASE), re.compile(told, re.IGNORECASE))


_BOARD = r"dash-?boards?\b|\bgrafana|\bmonitoring\b|\bmetrics\b|\bgraphs?\b|\bkibana|\bdatadog"
RUNBOOK = _kind("a runbook", r"\b(?:run|play) ?books?\b", r"\b(?:run|play)[ -]?books?\b")
DASHBOARD = _kind("a dashboard", rf"\b(?:{_BOARD})", rf"\b(?:{_BOARD})")
CHAT = _kind(
    "a chat channel",
    r"\bslack\b|\bchat\b|\bchannels?\b|\bteams channel\b|\bmattermost\b",
    r"\bchat|\bslack|\bmattermost|\bchannel|^\W*#|\s#\w",
)
INFRASTRUCTURE = _kind(
    "its infrastructure code",
    r"\bterraform\b|\bhelm\b|\bpulumi\b|\bcloud ?formation\b|\bansible\b|\bmanifests?\b"
    r"|\binfrastructure\b",
    r"\bterraform|\bhelm|\bpulumi|\bcloud ?formation|\bansible|\bmanifest|\binfrastructure",
)
_ASKED = (RUNBOOK, DASHBOARD, CHAT, INFRASTRUCTURE)


def wanted_link(text: str) -> LinkKind | None:
    """Say which kind of link a question asks for; None if for links of any kind."""
    return next((kind for kind in _ASKED if kind.asked.search(text)), None)

"""What the stages of a question exchange: frozen values and the ports they read through.

question (asked) → query (understood) → evidence → draft → answer
"""

from portal_rag.domain.answers import (
    Answer,
    AnswerWarning,
    Confidence,
    Draft,
    FollowUp,
    Level,
    Statement,
    Status,
)
from portal_rag.domain.evidence import (
    Consulted,
    Evidence,
    Fact,
    Mention,
    Passage,
    Signals,
    Source,
    SourceKind,
    State,
)
from portal_rag.domain.links import LinkKind, wanted_link
from portal_rag.domain.portals import Listing, NoPortal, Portal
from portal_rag.domain.questions import (
    Choice,
    Clock,
    Intent,
    Purpose,
    Query,
    Question,
    Selection,
    Timer,
    Topic,
    Turn,
    Window,
)
from portal_rag.domain.selecting import selected

__all__ = [
    "Answer",
    "AnswerWarning",
    "Choice",
    "Clock",
    "Confidence",
    "Consulted",
    "Draft",
    "Evidence",
    "Fact",
    "FollowUp",
    "Intent",
    "Level",
    "LinkKind",
    "Listing",
    "Mention",
    "NoPortal",
    "Passage",
    "Portal",
    "Purpose",
    "Query",
    "Question",
    "Selection",
    "Signals",
    "Source",
    "SourceKind",
    "State",
    "Statement",
    "Status",
    "Timer",
    "Topic",
    "Turn",
    "Window",
    "selected",
    "wanted_link",
]

"""Answers that state nothing: declined, to be made clear, or without a view of the portal."""

from portal_rag.composing.next_steps import asked_next
from portal_rag.composing.wording import escaped
from portal_rag.domain import Choice, Draft, FollowUp, Query, Statement

_READ_ONLY = "I only read and never change anything, so I cannot do that."
_CHIT_CHAT = (
    "I answer questions about this portal: who owns a service, where its runbook and documentation"
    " are, what depends on it, which APIs it has, who is in a team. What would you like to know?"
)
_OUT_OF_SCOPE = (
    "This is outside of what I can look up: I answer from this portal's catalog and documentation"
    " alone."
)


def refused(query: Query) -> Draft | None:
    """Answer what nothing is looked up for; None if the evidence has to be asked."""
    if query.purpose == "write":
        return _declined_change(query)
    if query.purpose == "nothing":
        return _declined(_CHIT_CHAT if query.intent == "chit_chat" else _OUT_OF_SCOPE)
    if query.subjects or query.selection:
        return None
    if query.choices:
        return _clarifying(query)
    return _unknown(query) if query.unknown_name else None


def not_applicable(query: Query) -> Draft:
    """Answer somebody who has no view of the portal."""
    if query.purpose == "write":
        return _declined(_READ_ONLY)
    if query.purpose == "nothing":
        return _declined(_CHIT_CHAT if query.intent == "chit_chat" else _OUT_OF_SCOPE)
    text = (
        "I cannot answer this. You are signed in with an identity provider that is not Backstage,"
        " and I read this portal's catalog and documents only for users of Backstage; nothing was"
        " looked up."
    )
    return Draft(status="insufficient_evidence", statements=(Statement(text=text),))


def without_portal() -> Draft:
    """Say that the portal could not be asked, and so nothing may be told."""
    text = "The portal could not be asked, so I cannot tell what you may see. Please try again."
    return Draft(status="insufficient_evidence", statements=(Statement(text=text),))


def not_found(name: str) -> str:
    """Say that a name is that of nothing, whether it is hidden or not there."""
    return f"I found nothing called “{escaped(name)}”."


def offered(query: Query) -> str:
    """Say which entities may have been meant."""
    named = ", ".join(f"`{choice.entity.ref}`" for choice in query.choices)
    return f"Several entities have that name: {named}. Which one do you mean?"


def ask_about(choice: Choice) -> FollowUp:
    """Offer to ask the question about this entity."""
    return FollowUp(label=f"Ask about {choice.entity.ref}", question=choice.question)


def _declined(text: str) -> Draft:
    return Draft(status="declined", statements=(Statement(text=text),))


def _declined_change(query: Query) -> Draft:
    text = f"{_READ_ONLY} I can look up who owns it, its runbook or what depends on it."
    return Draft(
        status="declined",
        statements=(Statement(text=text),),
        follow_ups=tuple(asked_next(query)),
    )


def _clarifying(query: Query) -> Draft:
    return Draft(
        status="clarify",
        statements=(Statement(text=offered(query)),),
        follow_ups=tuple(map(ask_about, query.choices)),
    )


def _unknown(query: Query) -> Draft:
    text = not_found(query.unknown_name or "")
    if query.near:
        text += " Similar names: " + ", ".join(f"`{c.entity.ref}`" for c in query.near) + "."
    return Draft(
        status="insufficient_evidence",
        statements=(Statement(text=text),),
        follow_ups=tuple(map(ask_about, query.near)),
    )

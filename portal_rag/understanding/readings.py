"""What is wanted -> with what it is answered: facts of which topics, documents of which kinds."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from portal_rag.corpus.documents import DocumentKind
from portal_rag.domain import Intent, Purpose, Topic
from portal_rag.understanding.means import LIVE, With, documents, facts, words
from portal_rag.understanding.team_readings import of_team


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is wanted, and what to answer with: facts of these topics, documents, or neither.

    Documents of `document_kinds` come first. `is_transitive` asks for what depends through others
    too. `is_clear` is false where no word tells what is wanted, as in "and the other one?".
    """

    intent: Intent
    purpose: Purpose
    topics: tuple[Topic, ...] = ()
    document_kinds: frozenset[DocumentKind] = frozenset()
    is_transitive: bool = False
    is_clear: bool = True


def reading_of(
    intent: Intent, masked: str, *, is_clear: bool = True, is_guessed: bool = False
) -> Reading:
    """Settle the finer matters by the words of the question; names must be masked already.

    `is_guessed` says that no word speaks for this intent, only a likeness to examples.
    """
    is_open = is_guessed and intent in _NEVER_GUESSED
    answer_with = documents() if is_open else _BY_INTENT[intent](masked)
    beside = (topic for topic, asked in _BESIDE.items() if asked.search(masked))
    also = beside if answer_with.purpose == "facts" else ()
    return Reading(
        intent=intent,
        purpose=answer_with.purpose,
        topics=tuple(dict.fromkeys((*answer_with.topics, *also))),
        document_kinds=answer_with.kinds,
        is_transitive=intent in _GRAPH and bool(_TRANSITIVE.search(masked)),
        is_clear=is_clear,
    )


_NEVER_GUESSED = frozenset({"write", "out_of_scope", "chit_chat"})
"""Without a word that says so, what was asked is looked for all the same."""


_BESIDE: Mapping[Topic, re.Pattern[str]] = {
    "owner": words(r"\b(?:and|plus|also|&)\b.*\b(?:owns?|owners?|owned by|responsible)\b"),
    "contact": words(
        r"\b(?:and|plus|also|&)\b.*\b(?:reach|contact|slack|chat|channel|e-?mail|on[- ]?call)\b"
    ),
    "runbooks": words(r"\b(?:and|plus|also|&)\b.*\brun ?books?\b"),
    "docs": words(r"\b(?:and|plus|also|&)\b.*\b(?:docs|documentation)\b"),
    "repository": words(r"\b(?:and|plus|also|&)\b.*\b(?:repo(?:sitory)?|source ?code|git\w*)\b"),
    "links": words(r"\b(?:and|plus|also|&)\b.*\b(?:dashboards?|links?|grafana|monitoring)\b"),
    "dependencies": words(r"\band what (?:does|do)\b.*\bdepend on\b|\band\b.*\bdependencies\b"),
    "dependents": words(r"\band (?:what|who|which \w+) (?:depends? on|uses?)\b"),
    "lifecycle": words(r"\b(?:and|plus|also|&)\b.*\b(?:life ?cycle|deprecated|in production)\b"),
}
"""Second wishes of a question that facts answer too."""


_CONTACT = words(r"\bcontact\b|\bask\b|\btalk to\b|\breach\b|\bspeak\b|\bslack\b|\bbother\b")
_WHY = words(
    r"\bwhy\b|\bsafe\b|\bby when\b|\breplace[sd]?\b|\binstead\b|\bsuccessor\b|\bdoes\b.*\bstill \w+"
    r"|\b(?:can|may|should|must|are) (?:i|we)\b|\bhow\b|\bwhen\b|\bdeadline\b|\bturned off\b"
    r"|\bmigrat\w+\b|\bstill valid\b|\bdifference\b"
)
_OF_A_DOCUMENT = words(
    r"\breturns?\b|\bhow (?:do|can|to|should)\b|\bspec\b|\bopen ?api\b|\bswagger\b|\bschema\b"
    r"|\bversion\b|\bpartitions?\b|\bfields?\b|\bformat\b|\bpayload\b|\bdefinition\b|\brate limit"
    r"|\bauthenticat\w+|\bevents\b|\basync ?api\b|\bproto\w*\b|\bendpoints?\b|\berrors?\b"
)
_CONSUMED = words(
    r"\bapis?\b.*\b(?:does|do|is|are)\b.*\b(?:consumes?d?|calls?|called|uses?d?)\b"
    r"|\bapis? consumed\b|\b(?:consumes?|calls?|uses?) (?:which|what) apis?\b"
)
_PROVIDED = words(r"\bprovide[sd]?\b|\bexpose[sd]?\b|\boffer(?:s|ed)?\b")
_CALLED_BY = words(
    r"\b(?:callers?|consumers?|clients?|users) of\b|\bwho(?:'s| is| else)? ?(?:calls?|calling|uses?"
    r"|using|consumes?|consuming)\b|\b(?:what|which \w+) (?:calls?|uses?|consumes?)\b|\bused by\b"
)
_PROVIDER = words(
    r"\b(?:who|which (?:service|component|system|team|app\w*)|what(?: service| component)?)"
    r"(?:(?!\b(?:does|do|did)\b).)*\b(?:provides?|exposes?|offers?|implements?|owns?|serves?)\b"
    r"|\bprovided by\b|\bcomes? from\b|\bbehind\b|\bimplemented by\b|\bprovider\b"
)


def _apis(masked: str) -> With:
    if _CONSUMED.search(masked):
        both = ("apis_provided", "apis_consumed") if _PROVIDED.search(masked) else ()
        return facts(*(both or ("apis_consumed",)))
    if _CALLED_BY.search(masked):
        return facts("dependents")
    if _PROVIDER.search(masked):
        owns = re.search(r"\bowns?\b", masked, re.IGNORECASE)
        return facts("providers", "owner") if owns else facts("providers")
    if _OF_A_DOCUMENT.search(masked):
        return documents("api", "guide", topics=("apis_provided", "providers"))
    if _PROVIDED.search(masked):
        return facts("apis_provided")
    return facts("apis_provided", "apis_consumed")


def _dependencies(masked: str) -> With:
    if _WHY.search(masked):
        return documents(topics=("dependencies",))
    return facts("dependencies")


_GRAPH = frozenset({"dependencies", "dependents"})
_TRANSITIVE = words(
    r"\bbreaks?\b|\bgoes away\b|\btransitiv\w+|\bindirect\w*|\bblast radius\b|\beverything\b"
    r"|\baffected\b|\bimpact\w*\b|\bdownstream\b|\bdies\b|\bfails?\b|\btake(?:n)? down\b|\bdown\b"
    r"|\bgo(?:es)? down\b|\bgone\b|\boutage\b|\brecursive\w*|\bwhole chain\b|\bvia others\b"
)


_ADRS = words(r"\badrs?\b|\bdecisions?\b|\brfcs?\b|\bwhy (?:did|do|was|were|is|are) (?:we|it)\b")
_RUNBOOKS = words(r"\brun ?books?\b|\bplay ?books?\b|\btroubleshooting\b")
_POST_MORTEMS = words(r"\bpost-?mortems?\b|\bincident (?:reviews?|reports?)\b|\bINC-1\b")
_PLACE_OF_DOCS = words(
    r"\b(?:tech ?)?docs\b|\bdocumentation\b|\bdocumented\b|\bwiki\b|\bdoku\w*\b|\breadme\b"
)


def _documentation(masked: str) -> With:
    if _RUNBOOKS.search(masked):
        return documents("runbook", topics=("runbooks",))
    if _ADRS.search(masked):
        return documents("adr")
    if _POST_MORTEMS.search(masked):
        return documents("incident")
    return documents(topics=("docs",)) if _PLACE_OF_DOCS.search(masked) else documents()


_WHAT_IT_IS = words(
    r"^\W*(?:and |so |ok )?(?:wtf|what)(?:'s| is| are| does| do|s| is)?\b|\bdescri(?:be|ption)\b"
    r"|\btell me (?:more )?about\b|\bpurpose of\b|\bwho is\b|\bexplain\b|\boverview\b|\bwhat is it"
    r"|\bsummar\w+\b|\bintro\w*\b|^\W*(?:the )?X(?: \w+)?\W*$"
)
_SYSTEM = words(r"\b(?:which|what) (?:systems?|domains?)\b")


def _description(masked: str) -> With:
    if _SYSTEM.search(masked):
        return facts("system")
    if _WHAT_IT_IS.search(masked) and not words(r"\bversion\b").search(masked):
        return documents(topics=("description", "type", "owner", "system", "lifecycle"))
    return documents(topics=("description",))


def _lifecycle(masked: str) -> With:
    if _WHY.search(masked):
        return documents(topics=("lifecycle", "description"))
    return facts("lifecycle", "description")


_CHAT = words(r"\bchat\b|\bslack\b|\bchannels?\b")


def _links(masked: str) -> With:
    return facts("contact", "links") if _CHAT.search(masked) else facts("links")


_ROTA = words(
    r"\bwhere\b|\bcan i\b|\bhow (?:long|fast|quick\w*|often|do|does|many)\b|\bwhen\b|\bpolicy\b"
    r"|\bswap\b|\btrade\b|\back\b|\backn?owledged?\b|\bwhat day\b|\bdo we\b|\bmust\b|\bhandover\b"
    r"|\b(?:rota|schedule) (?:page|doc)\b|\bon-?call (?:pay|compensation|guide|rules)\b|\bswitch\b"
)
_WHO = words(r"\bwho(?:m|ever|'s)?\b|\bphone\b|\bright now\b|\bcurrent\w*\b|\btonight\b|\bam i\b")


def _on_call(masked: str) -> With:
    is_rule = _ROTA.search(masked) and not _WHO.search(masked)
    return documents("guide", "runbook") if is_rule else LIVE


_RELEASE_RULES = words(
    r"\bfreeze\b|\bwindows?\b|\bhow often\b|\b(?:can|may|should|must) (?:i|we)\b|\ballowed\b|\bargo"
    r"\w*(?: ?cd)? app(?:lication)?\b|\bfridays?\b|\bpolicy\b|\bwhich environments\b|\bprocess\b"
)


def _deployment(masked: str) -> With:
    return documents("guide", "runbook") if _RELEASE_RULES.search(masked) else LIVE


_NOW = words(
    r"\bopen incidents?\b|\bany (?:open |active |ongoing )?(?:incidents?|outages?|alerts?|problems?"
    r"|issues?)\b|\bcurrent\w*\b|\bongoing\b|\bright now\b|\bat the moment\b|\bactive\b|\bon fire\b"
    r"|\bis\b.*\b(?:down|up|healthy|broken|degraded|having|failing|unavailable)\b|\bknown\b"
    r"|\btoday\b|\bthis month\b|\bopen right\b|\bincidents? (?:are )?open\b|\bunresolved\b"
)


def _incident(masked: str) -> With:
    if words(r"\bhow (?:do|can|to|should)\b|\bsteps\b").search(masked):
        return documents("guide", "runbook")
    if _NOW.search(masked) and not words(r"\bINC-1\b|\bactions?\b").search(masked):
        return LIVE
    if words(r"\bdue\b|\bby when\b|\bsev-?\d definition\b").search(masked):
        return documents()
    return documents("incident")


_RELATED = words(r"\brelated\b|\bsimilar\b|\bneighbou?rs?\b|\bconnected\b")
_PARTS = words(
    r"\bwhat(?:'s| is| are| all is)? (?:all )?(?:in|inside|part of)\b|\bparts? of\b"
    r"|\bconsists? of\b|\bmade (?:up )?of\b|\bwhat belongs to\b"
    r"|\bbelongs? to (?:this|the) (?:\w+ )?(?:system|domain)\b"
)


def _discovery(masked: str) -> With:
    if _RELATED.search(masked):
        return facts("related")
    return facts("parts") if _PARTS.search(masked) else facts("matches")


def _ownership(masked: str) -> With:
    return facts("owner", "contact") if _CONTACT.search(masked) else facts("owner")


def _always(answer_with: With) -> Callable[[str], With]:
    return lambda _: answer_with


_BY_INTENT: Mapping[Intent, Callable[[str], With]] = {
    "ownership": _ownership,
    "on_call": _on_call,
    "documentation": _documentation,
    "how_to": _always(documents("guide", "runbook")),
    "description": _description,
    "dependencies": _dependencies,
    "dependents": _always(facts("dependents")),
    "apis": _apis,
    "infrastructure": _always(documents(topics=("repository", "links"))),
    "repository": _always(facts("repository")),
    "links": _links,
    "lifecycle": _lifecycle,
    "team": of_team,
    "discovery": _discovery,
    "deployment": _deployment,
    "change": _always(LIVE),
    "incident": _incident,
    "write": _always(With("write")),
    "out_of_scope": _always(With("nothing")),
    "chit_chat": _always(With("nothing")),
}

"""What is wanted -> with what it is answered: facts of which topics, documents of which kinds."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from portal_rag.corpus.documents import DocumentKind
from portal_rag.domain import Intent, Purpose, Topic


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


@dataclass(frozen=True, slots=True)
class _With:
    purpose: Purpose
    topics: tuple[Topic, ...] = ()
    kinds: frozenset[DocumentKind] = frozenset()


def reading_of(intent: Intent, masked: str, *, is_clear: bool = True) -> Reading:
    """Settle the finer matters by the words of the question; names must be masked already."""
    answer_with = _BY_INTENT[intent](masked)
    beside = (topic for topic, words in _BESIDE.items() if words.search(masked))
    also = beside if answer_with.purpose == "facts" else ()
    return Reading(
        intent=intent,
        purpose=answer_with.purpose,
        topics=tuple(dict.fromkeys((*answer_with.topics, *also))),
        document_kinds=answer_with.kinds,
        is_transitive=intent in _GRAPH and bool(_TRANSITIVE.search(masked)),
        is_clear=is_clear,
    )


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_BESIDE: Mapping[Topic, re.Pattern[str]] = {
    "owner": _words(r"\b(?:and|plus|also|&)\b.*\b(?:owns?|owners?|owned by|responsible)\b"),
    "contact": _words(
        r"\b(?:and|plus|also|&)\b.*\b(?:reach|contact|slack|chat|channel|e-?mail|on[- ]?call)\b"
    ),
    "runbooks": _words(r"\b(?:and|plus|also|&)\b.*\brun ?books?\b"),
    "docs": _words(r"\b(?:and|plus|also|&)\b.*\b(?:docs|documentation)\b"),
    "repository": _words(r"\b(?:and|plus|also|&)\b.*\b(?:repo(?:sitory)?|source ?code|git\w*)\b"),
    "links": _words(r"\b(?:and|plus|also|&)\b.*\b(?:dashboards?|links?|grafana|monitoring)\b"),
    "dependencies": _words(r"\band what (?:does|do)\b.*\bdepend on\b|\band\b.*\bdependencies\b"),
    "dependents": _words(r"\band (?:what|who|which \w+) (?:depends? on|uses?)\b"),
    "lifecycle": _words(r"\b(?:and|plus|also|&)\b.*\b(?:life ?cycle|deprecated|in production)\b"),
}
"""Second wishes of a question that facts answer too."""


def _facts(*topics: Topic) -> _With:
    return _With("facts", topics)


def _documents(*kinds: DocumentKind, topics: tuple[Topic, ...] = ()) -> _With:
    return _With("documents", topics, frozenset(kinds))


_LIVE = _With("live", ("owner", "contact"))

_CONTACT = _words(r"\bcontact\b|\bask\b|\btalk to\b|\breach\b|\bspeak\b|\bslack\b|\bbother\b")
_WHY = _words(
    r"\bwhy\b|\bsafe\b|\bby when\b|\breplace[sd]?\b|\binstead\b|\bsuccessor\b|\bdoes\b.*\bstill \w+"
    r"|\b(?:can|may|should|must|are) (?:i|we)\b|\bhow\b|\bwhen\b|\bdeadline\b|\bturned off\b"
    r"|\bmigrat\w+\b|\bstill valid\b|\bdifference\b"
)
_OF_A_DOCUMENT = _words(
    r"\breturns?\b|\bhow (?:do|can|to|should)\b|\bspec\b|\bopen ?api\b|\bswagger\b|\bschema\b"
    r"|\bversion\b|\bpartitions?\b|\bfields?\b|\bformat\b|\bpayload\b|\bdefinition\b|\brate limit"
    r"|\bauthenticat\w+|\bevents\b|\basync ?api\b|\bproto\w*\b|\bendpoints?\b|\berrors?\b"
)
_CONSUMED = _words(
    r"\bapis?\b.*\b(?:does|do|is|are)\b.*\b(?:consumes?d?|calls?|called|uses?d?)\b"
    r"|\bapis? consumed\b|\b(?:consumes?|calls?|uses?) (?:which|what) apis?\b"
)
_PROVIDED = _words(r"\bprovide[sd]?\b|\bexpose[sd]?\b|\boffer(?:s|ed)?\b")
_CALLED_BY = _words(
    r"\b(?:callers?|consumers?|clients?|users) of\b|\bwho(?:'s| is| else)? ?(?:calls?|calling|uses?"
    r"|using|consumes?|consuming)\b|\b(?:what|which \w+) (?:calls?|uses?|consumes?)\b|\bused by\b"
)
_PROVIDER = _words(
    r"\b(?:who|which (?:service|component|system|team|app\w*)|what(?: service| component)?)"
    r"(?:(?!\b(?:does|do|did)\b).)*\b(?:provides?|exposes?|offers?|implements?|owns?|serves?)\b"
    r"|\bprovided by\b|\bcomes? from\b|\bbehind\b|\bimplemented by\b|\bprovider\b"
)


def _apis(masked: str) -> _With:
    if _CONSUMED.search(masked):
        both = ("apis_provided", "apis_consumed") if _PROVIDED.search(masked) else ()
        return _facts(*(both or ("apis_consumed",)))
    if _CALLED_BY.search(masked):
        return _facts("dependents")
    if _PROVIDER.search(masked):
        owns = re.search(r"\bowns?\b", masked, re.IGNORECASE)
        return _facts("providers", "owner") if owns else _facts("providers")
    if _OF_A_DOCUMENT.search(masked):
        return _documents("api", "guide", topics=("apis_provided", "providers"))
    if _PROVIDED.search(masked):
        return _facts("apis_provided")
    return _facts("apis_provided", "apis_consumed")


def _dependencies(masked: str) -> _With:
    if _WHY.search(masked):
        return _documents(topics=("dependencies",))
    return _facts("dependencies")


_GRAPH = frozenset({"dependencies", "dependents"})
_TRANSITIVE = _words(
    r"\bbreaks?\b|\bgoes away\b|\btransitiv\w+|\bindirect\w*|\bblast radius\b|\beverything\b"
    r"|\baffected\b|\bimpact\w*\b|\bdownstream\b|\bdies\b|\bfails?\b|\btake(?:n)? down\b|\bdown\b"
    r"|\bgo(?:es)? down\b|\bgone\b|\boutage\b|\brecursive\w*|\bwhole chain\b|\bvia others\b"
)


def _dependents(_: str) -> _With:
    return _facts("dependents")


_ADRS = _words(r"\badrs?\b|\bdecisions?\b|\brfcs?\b|\bwhy (?:did|do|was|were|is|are) (?:we|it)\b")
_RUNBOOKS = _words(r"\brun ?books?\b|\bplay ?books?\b|\btroubleshooting\b")
_POST_MORTEMS = _words(r"\bpost-?mortems?\b|\bincident (?:reviews?|reports?)\b|\bINC-1\b")
_PLACE_OF_DOCS = _words(
    r"\b(?:tech ?)?docs\b|\bdocumentation\b|\bdocumented\b|\bwiki\b|\bdoku\w*\b|\breadme\b"
)


def _documentation(masked: str) -> _With:
    if _RUNBOOKS.search(masked):
        return _documents("runbook", topics=("runbooks",))
    if _ADRS.search(masked):
        return _documents("adr")
    if _POST_MORTEMS.search(masked):
        return _documents("incident")
    return _documents(topics=("docs",)) if _PLACE_OF_DOCS.search(masked) else _documents()


_WHAT_IT_IS = _words(
    r"^\W*(?:and |so |ok )?(?:wtf|what)(?:'s| is| are| does| do|s| is)?\b|\bdescri(?:be|ption)\b"
    r"|\btell me (?:more )?about\b|\bpurpose of\b|\bwho is\b|\bexplain\b|\boverview\b|\bwhat is it"
    r"|\bsummar\w+\b|\bintro\w*\b|^\W*(?:the )?X(?: \w+)?\W*$"
)
_SYSTEM = _words(r"\b(?:which|what) (?:systems?|domains?)\b")


def _description(masked: str) -> _With:
    if _SYSTEM.search(masked):
        return _facts("system")
    if _WHAT_IT_IS.search(masked) and not _words(r"\bversion\b").search(masked):
        return _documents(topics=("description", "type", "owner", "system", "lifecycle"))
    return _documents(topics=("description",))


def _lifecycle(masked: str) -> _With:
    if _WHY.search(masked):
        return _documents(topics=("lifecycle", "description"))
    return _facts("lifecycle", "description")


_CHAT = _words(r"\bchat\b|\bslack\b|\bchannels?\b")


def _links(masked: str) -> _With:
    return _facts("contact", "links") if _CHAT.search(masked) else _facts("links")


_ROTA = _words(
    r"\bwhere\b|\bcan i\b|\bhow (?:long|fast|quick\w*|often|do|does|many)\b|\bwhen\b|\bpolicy\b"
    r"|\bswap\b|\btrade\b|\back\b|\backn?owledged?\b|\bwhat day\b|\bdo we\b|\bmust\b|\bhandover\b"
    r"|\b(?:rota|schedule) (?:page|doc)\b|\bon-?call (?:pay|compensation|guide|rules)\b|\bswitch\b"
)
_WHO = _words(r"\bwho(?:m|ever|'s)?\b|\bphone\b|\bright now\b|\bcurrent\w*\b|\btonight\b|\bam i\b")


def _on_call(masked: str) -> _With:
    is_rule = _ROTA.search(masked) and not _WHO.search(masked)
    return _documents("guide", "runbook") if is_rule else _LIVE


_RELEASE_RULES = _words(
    r"\bfreeze\b|\bwindows?\b|\bhow often\b|\b(?:can|may|should|must) (?:i|we)\b|\ballowed\b|\bargo"
    r"\w*(?: ?cd)? app(?:lication)?\b|\bfridays?\b|\bpolicy\b|\bwhich environments\b|\bprocess\b"
)


def _deployment(masked: str) -> _With:
    return _documents("guide", "runbook") if _RELEASE_RULES.search(masked) else _LIVE


_NOW = _words(
    r"\bopen incidents?\b|\bany (?:open |active |ongoing )?(?:incidents?|outages?|alerts?|problems?"
    r"|issues?)\b|\bcurrent\w*\b|\bongoing\b|\bright now\b|\bat the moment\b|\bactive\b|\bon fire\b"
    r"|\bis\b.*\b(?:down|up|healthy|broken|degraded|having|failing|unavailable)\b|\bknown\b"
    r"|\btoday\b|\bthis month\b|\bopen right\b|\bincidents? (?:are )?open\b|\bunresolved\b"
)
_PAST = _words(
    r"\bpost-?mortems?\b|\bcause\b|\bINC-1\b|\bwhy did\b|\bsummary\b|\blessons?\b|\bactions?\b"
    r"|\bhappened\b|\blast\b|\breview\b|\bhow (?:long|many|was)\b|\bhistory\b|\bincident\b"
)
_STATE_OF_ONE = _words(r"\bINC-1\b.*\b(?:resolved|status|still open|ongoing|closed|mitigated)\b")


def _incident(masked: str) -> _With:
    if _NOW.search(masked) and not _words(r"\bINC-1\b|\bactions?\b").search(masked):
        return _LIVE
    if _words(r"\bdue\b|\bby when\b|\bsev-?\d definition\b").search(masked):
        return _documents()
    return _documents("incident")


_MEMBERS = _words(
    r"\bmembers?\b|\bwho(?:'s| is| are| all is)? (?:in|on|part of)\b|\bwho works?\b|\bpeople\b"
    r"|\bhow many\b|\bhow big\b|\bwer ist\b|\bteam ?mates?\b|\bwho belongs\b|\bwho are the\b"
)
_OWNS = _words(
    r"\bown\b|\bowns\b|\bowned\b|\bresponsible\b|\bin charge\b|\bbelongs? to\b|\bmaintains?\b"
    r"|\blooks? after\b|\brun\b|\bworking on\b"
)
_TEAM_OF = _words(
    r"\b(?:which|what) (?:teams?|groups?|squads?)\b.*\b(?:in|on|of|for|part|belong|member)\b"
    r"|\bpart of\b|\bwho is \w+(?: \w+)?\W*$|\bwho is \w+ in\b|\bteam am i\b|\bmember of\b"
)
_REACH = _words(
    r"\breach\b|\bcontact\b|\be-?mails?\b|\bphone\b|\bget hold\b|\bget in touch\b|\bslack\b|\bask\b"
)
_TEAM_RULES = _words(r"\boffice hours\b|\bhow (?:quick\w*|fast)\b|\badmins?\b|\bmission\b")


def _team(masked: str) -> _With:
    if _TEAM_RULES.search(masked):
        return _documents(topics=("contact",))
    if _REACH.search(masked):
        return _facts("contact")
    if _TEAM_OF.search(masked) and not _words(r"\bwho(?:'s| is| are) (?:in|on|part)\b").search(
        masked
    ):
        return _facts("teams")
    if _MEMBERS.search(masked):
        return _facts("members")
    return _facts("owns") if _OWNS.search(masked) else _facts("members", "contact")


_RELATED = _words(r"\brelated\b|\bsimilar\b|\bneighbou?rs?\b|\bconnected\b")
_PARTS = _words(
    r"\bwhat(?:'s| is| are| all is)? (?:all )?(?:in|inside|part of)\b|\bparts? of\b"
    r"|\bconsists? of\b|\bmade (?:up )?of\b|\bwhat belongs to\b"
    r"|\bbelongs? to (?:this|the) (?:\w+ )?(?:system|domain)\b"
)


def _discovery(masked: str) -> _With:
    if _RELATED.search(masked):
        return _facts("related")
    return _facts("parts") if _PARTS.search(masked) else _facts("matches")


def _ownership(masked: str) -> _With:
    return _facts("owner", "contact") if _CONTACT.search(masked) else _facts("owner")


def _always(answer_with: _With) -> Callable[[str], _With]:
    return lambda _: answer_with


_BY_INTENT: Mapping[Intent, Callable[[str], _With]] = {
    "ownership": _ownership,
    "on_call": _on_call,
    "documentation": _documentation,
    "how_to": _always(_documents("guide", "runbook")),
    "description": _description,
    "dependencies": _dependencies,
    "dependents": _always(_facts("dependents")),
    "apis": _apis,
    "infrastructure": _always(_documents(topics=("repository", "links"))),
    "repository": _always(_facts("repository")),
    "links": _links,
    "lifecycle": _lifecycle,
    "team": _team,
    "discovery": _discovery,
    "deployment": _deployment,
    "change": _always(_LIVE),
    "incident": _incident,
    "write": _always(_With("write")),
    "out_of_scope": _always(_With("nothing")),
    "chit_chat": _always(_With("nothing")),
}

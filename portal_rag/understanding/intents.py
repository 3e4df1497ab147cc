"""What kind of answer a question asks for, by the words it uses."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from portal_rag.corpus.documents import DocumentKind
from portal_rag.domain import Intent, Purpose, Topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What to answer with: facts of these topics, documents (of these kinds first), or neither."""

    purpose: Purpose
    topics: tuple[Topic, ...] = ()
    document_kinds: frozenset[DocumentKind] = frozenset()
    is_transitive: bool = False

    @property
    def intent(self) -> Intent:
        """Name what is wanted, by the first topic or the purpose."""
        if self.purpose == "live":
            return _OF_PURPOSE["live"]
        named = _OF_TOPIC.get(self.topics[0]) if self.topics else None
        return named or _OF_PURPOSE[self.purpose]


_OF_TOPIC: Mapping[Topic, Intent] = {
    "owner": "ownership",
    "system": "description",
    "lifecycle": "lifecycle",
    "links": "links",
    "contact": "team",
    "docs": "documentation",
    "runbooks": "documentation",
    "repository": "repository",
    "dependencies": "dependencies",
    "dependents": "dependents",
    "apis_provided": "apis",
    "providers": "apis",
    "apis_consumed": "apis",
    "members": "team",
    "owns": "team",
    "parts": "discovery",
    "related": "discovery",
}
_OF_PURPOSE: Mapping[Purpose, Intent] = {
    "facts": "description",
    "documents": "how_to",
    "live": "on_call",
    "write": "write",
    "nothing": "chit_chat",
}


@dataclass(frozen=True, slots=True)
class _Cue:
    pattern: re.Pattern[str]
    intent: Reading


def _cue(pattern: str, intent: Reading) -> _Cue:
    return _Cue(re.compile(pattern, re.IGNORECASE), intent)


def _facts(*topics: Topic) -> Reading:
    return Reading(purpose="facts", topics=topics)


def _documents(*kinds: DocumentKind, topics: tuple[Topic, ...] = ()) -> Reading:
    return Reading(purpose="documents", topics=topics, document_kinds=frozenset(kinds))


_WRITE_VERBS = (
    "restart|reboot|delete|remove|deploy|redeploy|roll ?back|scale|create|page|edit|change|update"
    "|unregister|register|trigger|merge|stop|kill|rename|rotate|disable|enable|drain|purge"
)
_USERS = "depends? on|depending on|rel(?:y|ies) on|uses?|using|consumes?|calls?|needs?"
_OWNED = "own|owns|responsible for|maintain|maintains|look after|looks after|in charge of"

# The first cue that fits decides; narrower cues stand before wider ones.
_CUES = (
    _cue(
        rf"^\W*(?:please\s+|(?:can|could|would|will) you\s+(?:please\s+)?)*(?:{_WRITE_VERBS})\b"
        r"(?!.*\b(?:docs?|runbook|guide|policy|process)\b\W*$)",
        Reading(purpose="write"),
    ),
    _cue(
        r"\bwho(?:'s| is| are| was)?\b.*\bon[- ]?call\b|\bon[- ]?call (?:now|today|tonight)\b"
        r"|\bwhat(?:'s| has| have)? changed\b|\brecent(?:ly)? (?:changes|deploy\w*)\b"
        r"|\b(?:last|latest|current) (?:deploy\w*|release|version|rollout|build)\b"
        r"|\b(?:open|current|ongoing|active) incidents?\b|\bis\b.*\b(?:down|healthy|up)\b\W*$",
        Reading(purpose="live", topics=("owner", "contact")),
    ),
    _cue(r"\brun ?books?\b|\bplaybooks?\b", _documents("runbook", topics=("runbooks",))),
    _cue(r"\bhow (?:can|do|could|should) (?:i|we) (?:reach|contact)\b", _facts("contact")),
    _cue(
        r"\bterraform\b|\bhelm\b|\bmanifests?\b|\binfrastructure code\b"
        r"|\bconfig(?:uration)? (?:for|of)\b",
        _documents(),
    ),
    _cue(
        r"\badrs?\b|\barchitecture decisions?\b|\bwhy (?:did|do|was|were|is|are) (?:we|it|they)\b",
        _documents("adr"),
    ),
    _cue(r"\bpost-?mortems?\b|\bincident reviews?\b|\bINC-\d+\b", _documents("incident")),
    _cue(
        r"^\W*how (?:do|does|can|to|should|is|are|long|much|many|often)\b"
        r"|^\W*what (?:happens|should)\b"
        r"|\bsteps to\b|\bwhat to do\b",
        _documents("guide", "runbook"),
    ),
    _cue(r"\brelated to\b|\brelated (?:services|components|entities)\b", _facts("related")),
    _cue(
        r"\bwhat(?: all)? (?:does|do|did)\b.*\bown\b|\b(?:owned|run|maintained) by\b"
        r"|\bbelong(?:s|ing)? to (?:the )?team\b",
        _facts("owns"),
    ),
    _cue(
        r"\bmembers? of\b|\bwho(?:'s| is| are) (?:in|on|part of)\b|\bwho works (?:in|on|for)\b"
        r"|\bwho belongs to\b",
        _facts("members"),
    ),
    _cue(
        rf"\bwho\b.*\b(?:{_OWNED})\b|\bwho (?:runs|owned)\b|\bowners?(?:hip)?\b|\bwhose\b"
        rf"|\b(?:which|what) (?:team|group|squad)\b|\bresponsible\b"
        rf"|\b(?:which|what) \w+ (?:{_OWNED})\b",
        _facts("owner"),
    ),
    _cue(
        r"\b(?:who|what|which)\b(?:(?!\b(?:does|do|did)\b).)*\b(?:provides?|exposes?|offers?)\b"
        r"|\bprovided by\b",
        _facts("providers"),
    ),
    _cue(
        r"\bapis?\b.*\b(?:provide[sd]?|exposed?|offer(?:s|ed)?)\b"
        r"|\b(?:provide|expose|offer)s?\b.*\bapis?\b"
        r"|\b(?:which|what) apis? (?:does|do)\b.*\bhave\b",
        _facts("apis_provided"),
    ),
    _cue(
        r"\b(?:which|what) apis? (?:does|do|is|are)\b.*\b(?:consume|call|use)d?\b"
        r"|\bapis? consumed\b",
        _facts("apis_consumed"),
    ),
    _cue(
        r"\bwhat (?:does|do|is|are)\b.*\b(?:depend(?:s|ing)?|rely|relies|built) on\b"
        r"|\bwhat (?:does|do)\b.*\b(?:use|need|call|consume|require)\b"
        r"|\b(?:which|what) \w+ (?:does|do)\b.*\b(?:use|need|call|depend on|rely on)\b"
        r"|\bdependenc(?:y|ies) of\b|\b's dependenc(?:y|ies)\b|\bdependencies\b",
        _facts("dependencies"),
    ),
    _cue(
        r"\b(?:what|which|who|whatever|anything|anyone|everything|services?|components?)\b"
        rf"(?:(?!\b(?:does|do|did)\b).)*\b(?:{_USERS})\b"
        r"|\bdependents?\b|\bconsumers?\b|\bwhat breaks\b|\b(?:affected|impacted) (?:by|if)\b"
        r"|\bgoes away\b|\b(?:is|are)\b.*\bstill (?:used|needed)\b",
        _facts("dependents"),
    ),
    _cue(
        r"\b(?:which|what) (?:systems?|domains?)\b|\bis\b.*\bpart of\b",
        _facts("system"),
    ),
    _cue(r"\bwhat (?:is|are) (?:in|part of)\b|\bparts? of\b|\bconsists? of\b", _facts("parts")),
    _cue(
        r"\blife ?cycle\b|\bdeprecated\b|\bexperimental\b|\bin production\b|\bretired\b",
        _facts("lifecycle", "description"),
    ),
    _cue(
        r"\brepo(?:s|sitor(?:y|ies))?\b|\bsource ?code\b|\bwhere is the code\b|\bgit(?:hub|lab)\b",
        _facts("repository"),
    ),
    _cue(r"\bdashboards?\b|\blinks?\b|\bgrafana\b|\bmonitoring\b", _facts("links")),
    _cue(
        r"\bcontact\b|\breach\b|\be-?mail\b|\bslack\b|\bchat\b|\bchannel\b"
        r"|\bwhom? (?:to|do i|should i) ask\b",
        _facts("contact"),
    ),
    _cue(r"\bwhere\b.*\b(?:docs|documentation|techdocs)\b", _documents(topics=("docs",))),
    _cue(
        r"^\W*what(?:'s| is| are| does| do)\b|\bdescribe\b|\btell me (?:more )?about\b"
        r"|\bpurpose of\b|\bwho is\b",
        Reading(
            purpose="documents", topics=("description", "type", "owner", "system", "lifecycle")
        ),
    ),
)
_DEFAULT = _documents(topics=("description",))


def read_intent(text: str) -> Reading:
    """Say what a question asks for; a question without any known cue asks for documents."""
    return next((cue.intent for cue in _CUES if cue.pattern.search(text)), _DEFAULT)

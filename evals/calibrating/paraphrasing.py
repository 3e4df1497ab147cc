"""The same questions in other words, made by rule: what is right stays right."""

import re
from collections.abc import Iterator

from evals.golden_set.cases import Case

ORIGINAL = "paraphrase_of"
"""Key of the provenance that names the cluster of the case that was put in other words."""
_END = re.compile(r"[\s?!.]+$")
_OTHER_WORDS = (
    (r"\bwho owns\b", "who is responsible for"),
    (r"\bwho is responsible for\b", "who looks after"),
    (r"\bwhere is\b", "where can I find"),
    (r"\bwhere are\b", "where can I find"),
    (r"\bhow do i\b", "how can I"),
    (r"\bhow do we\b", "how can we"),
    (r"\bhow can i\b", "what do I have to do to"),
    (r"\bwhich\b", "what"),
    (r"\bdepends? on\b", "needs"),
    (r"\bwhat is\b", "what's"),
    (r"\bwhat does\b", "can you say what"),
    (r"\bshow me\b", "list"),
    (r"\btell me\b", "say"),
    (r"\bcan i\b", "may I"),
    (r"\bdo we have\b", "is there"),
)


def paraphrases(case: Case) -> Iterator[Case]:
    """Give a case in up to three other wordings: plain, polite, and with other words."""
    asked = case.question
    plain = _END.sub("", asked)
    wordings = {
        "plain": plain[:1].lower() + plain[1:],
        "polite": f"Hi! Could you help me with this, please: {asked}",
        "reworded": _reworded(asked),
    }
    told = {asked}
    for name, question in wordings.items():
        if question not in told:
            told.add(question)
            changed = {"id": f"{case.id}.{name}", "question": question}
            yield case.model_copy(update=changed | {"provenance": {ORIGINAL: case.cluster}})


def _reworded(question: str) -> str:
    for pattern, words in _OTHER_WORDS:
        changed = re.sub(pattern, words, question, count=1, flags=re.IGNORECASE)
        if changed != question:
            return changed[:1].upper() + changed[1:]
    return question

"""Misspelt words of the trade, put right: one letter missing, too many, wrong or out of place."""

import re
from collections.abc import Iterable, Mapping
from functools import cache

_TELLING = (
    "alerts architecture consumers dashboard dashboards decommissioned delete dependencies"
    " dependency dependents depends deploy deployed deployment deployments deprecated describe"
    " description documentation endpoints experimental grafana incident incidents infrastructure"
    " kubernetes lifecycle maintainer maintains members monitoring oncall outage owner"
    " owners ownership pipeline playbook postmortem production redeploy release repository"
    " responsible restart retired rollback rollout runbook runbooks schedule services source"
    " terraform unregister"
).split()
_KNOWN = frozenset(
    "deploys deployer deplore delegate deleted deletes depend defend documentations employ member"
    " ocean owned owned outages described describes experiment incidental maintained maintain"
    " pipelines postmortems productions released releases relapse remaster repositories restarts"
    " restarted restate retried retire retires schedules scheduled scheduler service sources"
    " sourced registered register unregistered rollouts rollbacks playbooks responsibly".split()
)
_WORD = re.compile(r"[^\W\d_]{5,}")


def put_right(text: str) -> str:
    """Put right what is almost a telling word; names must be masked already."""
    return _WORD.sub(lambda found: _nearest(found[0]), text)


def _nearest(word: str) -> str:
    plain = word.lower()
    if plain in _KNOWN or plain in _TELLING or f"{plain}s" in _TELLING or plain[:-1] in _TELLING:
        return word
    shorter = _shorter()
    meant = {shorter[form] for form in _forms(plain) if form in shorter}
    near = sorted(telling for telling in meant if _is_slip(plain, telling))
    return near[0] if near else word


def _is_slip(word: str, telling: str) -> bool:
    """Tell whether one change makes them equal; the first letter is hardly ever wrong."""
    if word[0] != telling[0] or abs(len(word) - len(telling)) > 1:
        return False
    start = next((at for at, (a, b) in enumerate(zip(word, telling, strict=False)) if a != b), None)
    if start is None:
        return True
    mine, wanted = word[start:], telling[start:]
    return (
        mine[1:] in (wanted, wanted[1:])
        or mine == wanted[1:]
        or (mine[:2] == wanted[1::-1] and mine[2:] == wanted[2:])
    )


def _forms(word: str) -> Iterable[str]:
    """Give the word, and the word without each one of its letters."""
    return (word, *(word[:at] + word[at + 1 :] for at in range(len(word))))


@cache
def _shorter() -> Mapping[str, str]:
    return {form: telling for telling in _TELLING for form in _forms(telling)}

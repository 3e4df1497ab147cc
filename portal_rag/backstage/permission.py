"""The permission backend: what a user may read and do, asked anew each time."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from portal_rag.backstage.batching import MOST_REFS, batches, size_of_ref
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import NotFoundError, UpstreamError

READ = "catalog.entity.read"
ASK = "portal-rag.ask"
MOST_REF_BYTES = 58_000  # what remains of 60 kB, which the permission backend still takes
_Asked = tuple[str, EntityRef]


@dataclass(frozen=True, slots=True)
class Conditional:
    """Allowed for those entities that meet the conditions, a tree of Backstage's catalog rules."""

    conditions: Mapping[str, Any]


Decision = Literal["ALLOW", "DENY"] | Conditional


class PermissionClient:
    """Asks for decisions on behalf of the user whose token is given; never caches one."""

    def __init__(self, transport: BackstageTransport) -> None:
        self._transport = transport

    async def readable(
        self, refs: Collection[EntityRef], *, token: str, permission: str = READ
    ) -> frozenset[EntityRef]:
        """Say for which of these entities Backstage allows a read permission.

        An allowed entity need not exist. Any error means that nothing may be taken as visible.

        Raises:
            NotAllowedError: the token is that of a service.
            UpstreamError: there is no permission backend, or its answer is not plainly one
                verdict for each reference.
        """
        allowed = await self.readable_by({permission: refs}, token=token)
        return allowed[permission]

    async def readable_by(
        self, wanted: Mapping[str, Collection[EntityRef]], *, token: str
    ) -> Mapping[str, frozenset[EntityRef]]:
        """Answer `readable` for several read permissions, in as few requests as they fit into."""
        asked = [(name, ref) for name, refs in sorted(wanted.items()) for ref in sorted(set(refs))]
        allowed: set[_Asked] = set()
        for batch in batches(
            asked,
            most_items=MOST_REFS,
            most_bytes=MOST_REF_BYTES,
            size=lambda each: size_of_ref(each[1]),
        ):
            allowed |= await self._allowed(batch, token)
        return {
            name: frozenset(ref for ref in refs if (name, ref) in allowed)
            for name, refs in wanted.items()
        }

    async def decide(self, *, token: str, permission: str = READ) -> Decision:
        """Say for which entities at all Backstage allows a read permission.

        `token` must be that of a plugin acting for a user; Backstage refuses others.

        Raises:
            UpstreamError: there is no permission backend, the token is a user's own, or the
                answer is not plainly a decision about entities of the catalog.
        """
        return _read_decision(await self._ask([{"permission": _reading(permission)}], token))

    async def allows(self, permission: str, *, token: str, deadline_seconds: float) -> bool:
        """Say whether the user may do something that is not about an entity, with action `read`.

        Raises:
            UpstreamError: there is no permission backend, it does not answer within
                `deadline_seconds`, or its answer is not plainly a verdict.
        """
        basic = {"type": "basic", "name": permission, "attributes": {"action": "read"}}
        answer = await self._ask([{"permission": basic}], token, deadline_seconds=deadline_seconds)
        ((verdict,),) = _read_verdicts(answer, [1])
        return verdict == "ALLOW"

    async def _allowed(self, asked: Sequence[_Asked], token: str) -> set[_Asked]:
        # One item for each permission: the backend repeats the policy's conditions for each item.
        refs = {name: [ref for each, ref in asked if each == name] for name, _ in asked}
        items = [
            {"permission": _reading(name), "resourceRef": [str(ref) for ref in each]}
            for name, each in refs.items()
        ]
        verdicts = _read_verdicts(await self._ask(items, token), list(map(len, refs.values())))
        return {
            (name, ref)
            for (name, each), of_each in zip(refs.items(), verdicts, strict=True)
            for ref, verdict in zip(each, of_each, strict=True)
            if verdict == "ALLOW"
        }

    async def _ask(
        self,
        items: Sequence[Mapping[str, Any]],
        token: str,
        *,
        deadline_seconds: float | None = None,
    ) -> Any:
        numbered = [{"id": str(number), **item} for number, item in enumerate(items, start=1)]
        try:
            return await self._transport.post_json(
                "permission",
                "authorize",
                token=token,
                body={"items": numbered},
                deadline_seconds=deadline_seconds,
            )
        except NotFoundError as error:
            raise UpstreamError(
                "permission", "the portal has no permission backend", upstream_status=404
            ) from error


def _reading(permission: str) -> Mapping[str, Any]:
    return {
        "type": "resource",
        "name": permission,
        "attributes": {"action": "read"},
        "resourceType": "catalog-entity",
    }


def _read_decision(answer: object) -> Decision:
    match answer:
        case {"items": [{"id": "1", "result": "ALLOW"}]}:
            return "ALLOW"
        case {"items": [{"id": "1", "result": "DENY"}]}:
            return "DENY"
        case {
            "items": [
                {
                    "id": "1",
                    "result": "CONDITIONAL",
                    "pluginId": "catalog",
                    "resourceType": "catalog-entity",
                    "conditions": dict(conditions),
                }
            ]
        } if conditions:
            return Conditional(conditions)
    raise UpstreamError("permission", "the answer is not a decision about the catalog")


def _read_verdicts(answer: object, counts: Sequence[int]) -> Sequence[Sequence[str]]:
    """Read one verdict for each reference of each item, of which there are so many."""
    items = answer.get("items") if isinstance(answer, Mapping) else None
    if not isinstance(items, list) or len(items) != len(counts):
        raise UpstreamError("permission", "the answer is not a decision")
    numbered = enumerate(zip(items, counts, strict=True), start=1)
    return [_verdicts_of(item, str(number), count) for number, (item, count) in numbered]


def _verdicts_of(item: object, number: str, count: int) -> Sequence[str]:
    match item:
        case {"id": str(id_), "result": str(verdict)} if id_ == number:
            verdicts = [verdict] * count  # the policy decided without looking
        case {"id": str(id_), "result": [*verdicts]} if id_ == number:
            pass
        case _:
            raise UpstreamError("permission", "the answer is not a decision")
    if len(verdicts) != count or not all(map(_is_verdict, verdicts)):
        raise UpstreamError("permission", "the answer is not one verdict for each reference")
    return verdicts


def _is_verdict(value: object) -> bool:
    return isinstance(value, str) and value in {"ALLOW", "DENY"}

"""The permission backend: what a user may read and do, asked anew each time."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from portal_rag.backstage.batching import batches_of_refs
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import NotFoundError, UpstreamError

READ = "catalog.entity.read"
ASK = "portal-rag.ask"
MOST_REF_BYTES = 58_000  # what remains of 60 kB, which the permission backend still takes
_ITEM_ID = "1"


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
        allowed: set[EntityRef] = set()
        for batch in batches_of_refs(sorted(refs), most_bytes=MOST_REF_BYTES):
            verdicts = await self._verdicts(batch, token, permission)
            allowed |= {
                ref for ref, verdict in zip(batch, verdicts, strict=True) if verdict == "ALLOW"
            }
        return frozenset(allowed)

    async def decide(self, *, token: str, permission: str = READ) -> Decision:
        """Say for which entities at all Backstage allows a read permission.

        `token` must be that of a plugin acting for a user; Backstage refuses others.

        Raises:
            UpstreamError: there is no permission backend, the token is a user's own, or the
                answer is not plainly a decision about entities of the catalog.
        """
        return _read_decision(await self._ask({"permission": _reading(permission)}, token))

    async def allows(self, permission: str, *, token: str, deadline_seconds: float) -> bool:
        """Say whether the user may do something that is not about an entity, with action `read`.

        Raises:
            UpstreamError: there is no permission backend, it does not answer within
                `deadline_seconds`, or its answer is not plainly a verdict.
        """
        basic = {"type": "basic", "name": permission, "attributes": {"action": "read"}}
        answer = await self._ask({"permission": basic}, token, deadline_seconds=deadline_seconds)
        return _read_verdicts(answer, 1)[0] == "ALLOW"

    async def _verdicts(
        self, refs: Sequence[EntityRef], token: str, permission: str
    ) -> Sequence[str]:
        # One item for all: the backend repeats the policy's conditions for each item.
        item = {"permission": _reading(permission), "resourceRef": [str(ref) for ref in refs]}
        return _read_verdicts(await self._ask(item, token), len(refs))

    async def _ask(
        self, item: Mapping[str, Any], token: str, *, deadline_seconds: float | None = None
    ) -> Any:
        try:
            return await self._transport.post_json(
                "permission",
                "authorize",
                token=token,
                body={"items": [{"id": _ITEM_ID, **item}]},
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


def _read_verdicts(answer: object, count: int) -> Sequence[str]:
    items = answer.get("items") if isinstance(answer, Mapping) else None
    match items:
        case [{"id": "1", "result": str(verdict)}]:  # the policy decided without looking
            verdicts = [verdict] * count
        case [{"id": "1", "result": [*verdicts]}]:
            pass
        case _:
            raise UpstreamError("permission", "the answer is not a decision")
    if len(verdicts) != count or not all(map(_is_verdict, verdicts)):
        raise UpstreamError("permission", "the answer is not one verdict for each reference")
    return verdicts


def _is_verdict(value: object) -> bool:
    return isinstance(value, str) and value in {"ALLOW", "DENY"}

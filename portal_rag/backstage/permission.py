"""The permission backend: which entities a user may read, asked anew each time."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from portal_rag.backstage.batching import batches_of_refs
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import NotFoundError, UpstreamError

READ = "catalog.entity.read"
MOST_REF_BYTES = 58_000  # what remains of 60 kB, which the permission backend still takes
_ITEM_ID = "1"


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

    async def _verdicts(
        self, refs: Sequence[EntityRef], token: str, permission: str
    ) -> Sequence[str]:
        try:
            answer = await self._transport.post_json(
                "permission", "authorize", token=token, body={"items": [_item(refs, permission)]}
            )
        except NotFoundError as error:
            raise UpstreamError(
                "permission", "the portal has no permission backend", upstream_status=404
            ) from error
        return _read_verdicts(answer, len(refs))


def _item(refs: Sequence[EntityRef], permission: str) -> Mapping[str, Any]:
    # One item for all: the backend repeats the policy's conditions for each item.
    return {
        "id": _ITEM_ID,
        "permission": {
            "type": "resource",
            "name": permission,
            "attributes": {"action": "read"},
            "resourceType": "catalog-entity",
        },
        "resourceRef": [str(ref) for ref in refs],
    }


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

"""Who a user is to the portal: the references through which they own things."""

from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256

from portal_rag.backstage.entities import parse_ref
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import UpstreamError

LIFE_SECONDS = 5.0
MOST_TOKENS = 1_000


class UserInfoClient:
    """Asks the auth backend; remembers an answer for LIFE_SECONDS, as Backstage itself does."""

    def __init__(
        self,
        transport: BackstageTransport,
        *,
        timer: Callable[[], float],
        most_tokens: int = MOST_TOKENS,
    ) -> None:
        """Prepare; `timer` counts seconds from any start."""
        self._transport = transport
        self._most_tokens = most_tokens
        self._timer = timer
        self._known: OrderedDict[bytes, tuple[float, tuple[EntityRef, ...]]] = OrderedDict()

    async def ownership_refs(self, token: str) -> tuple[EntityRef, ...]:
        """Name the user and the user's groups as of their latest sign-in.

        `token` is a user's, full or limited; that of a plugin acting for a user is refused with
        `NotFoundError`.
        """
        key = sha256(token.encode()).digest()
        until, refs = self._known.get(key, (0.0, ()))
        if key in self._known and self._timer() < until:
            return refs
        refs = _refs(await self._transport.get_json("auth", "v1", "userinfo", token=token))
        self._known[key] = (self._timer() + LIFE_SECONDS, refs)
        self._known.move_to_end(key)
        if len(self._known) > self._most_tokens:
            self._known.popitem(last=False)
        return refs


def _refs(answer: object) -> tuple[EntityRef, ...]:
    match answer:
        case {"claims": {"ent": [*refs]}}:
            parsed = (parse_ref(ref) for ref in refs if isinstance(ref, str))
            return tuple(dict.fromkeys(ref for ref in parsed if ref))
    raise UpstreamError("auth", "the answer does not say who the user is")

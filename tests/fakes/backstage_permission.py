"""The permission backend: a policy, and the ways in which it is asked."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.fakes.backstage_tokens import BackstageError, Caller, bad_input, not_allowed

Json = dict[str, Any]
Policy = Callable[[str, Sequence[str], Mapping[str, Any]], bool]
MOST_BODY_BYTES = 102_400
_ACTIONS = {None, "create", "read", "update", "delete"}


class OwnerOrPublic:
    """The policy of the example portal: what one owns, and what is marked as public."""

    def __call__(self, _user_ref: str, ownership: Sequence[str], entity: Mapping[str, Any]) -> bool:
        owners = {
            relation["targetRef"]
            for relation in entity.get("relations", ())
            if relation["type"] == "ownedBy"
        }
        metadata = entity["metadata"]
        return (
            not owners.isdisjoint(ownership)
            or metadata.get("labels", {}).get("visibility") == "public"
            or metadata.get("annotations", {}).get("example.com/visibility") == "public"
        )

    def conditions(self, ownership: Sequence[str]) -> Json:
        """Say the same as conditions, for plugins that ask on behalf of a user."""
        public = {"annotation": "example.com/visibility", "value": "public"}
        return {
            "anyOf": [
                _rule("IS_ENTITY_OWNER", {"claims": list(ownership)}),
                _rule("HAS_LABEL", {"label": "visibility", "value": "public"}),
                _rule("HAS_ANNOTATION", public),
            ]
        }


def _rule(name: str, params: Json) -> Json:
    return {"rule": name, "resourceType": "catalog-entity", "params": params}


class Permissions:
    """Decides for callers; users who own things through one of `admins` may do everything."""

    def __init__(self, entities: Mapping[str, Json], policy: Policy, admins: Sequence[str]) -> None:
        self.entities = entities
        self.policy = policy
        self.admins = frozenset(admins)
        self.enabled = True
        self.denied: set[str] = set()
        """Names of permissions that nobody but admins has, whatever they are about."""
        self.policies: dict[str, Policy] = {}
        """By the name of a permission about entities: what decides instead of `policy`."""

    def may_read(self, caller: Caller, entity: Json) -> bool:
        """Decide as catalog and TechDocs do, which do not ask where permissions are off."""
        if caller.user_ref is None or not self.enabled or self._is_admin(caller):
            return True
        return self.policy(caller.user_ref, caller.ownership, entity)

    def authorize(self, caller: Caller, body: bytes) -> Json:
        if len(body) > MOST_BODY_BYTES:
            raise BackstageError(413, "PayloadTooLargeError", "request entity too large")
        if caller.user_ref is None:
            raise not_allowed("This endpoint does not allow 'service' credentials")
        items = _checked_items(body)
        if not self._is_admin(caller):
            self._check_inner_size(caller, items)
        return {"items": [self._decide(caller, item) for item in items]}

    def _is_admin(self, caller: Caller) -> bool:
        return not self.admins.isdisjoint(caller.ownership)

    def _check_inner_size(self, caller: Caller, items: Sequence[Json]) -> None:
        """The backend sends the conditions once per item, through the same limit."""
        conditions = len(json.dumps(OwnerOrPublic().conditions(caller.ownership)))
        refs = [json.dumps(item["resourceRef"]) for item in items if "resourceRef" in item]
        if sum(conditions + len(ref) for ref in refs) > MOST_BODY_BYTES:
            raise BackstageError(413, "ResponseError", "request entity too large")

    def _decide(self, caller: Caller, item: Json) -> Json:
        permission, ref = item["permission"], item.get("resourceRef")
        if permission["type"] == "basic":
            is_read = permission["attributes"].get("action") == "read"
            is_allowed = is_read and permission["name"] not in self.denied
            result: Any = "ALLOW" if is_allowed or self._is_admin(caller) else "DENY"
        elif ref is None:
            return {"id": item["id"], **self._decide_without_ref(caller)}
        elif self._is_admin(caller):
            result = "ALLOW"  # one for all, whether it exists or not
        elif permission["name"] in self.denied:
            result = "DENY"
        elif isinstance(ref, str):
            result = self._verdict(caller, permission["name"], ref)
        else:
            result = [self._verdict(caller, permission["name"], each) for each in ref]
        return {"id": item["id"], "result": result}

    def _decide_without_ref(self, caller: Caller) -> Json:
        if caller.plugin is None:
            raise bad_input(
                "Resource permissions require a resourceRef to be set. Direct user requests "
                "without a resourceRef are not allowed."
            )
        if self._is_admin(caller):
            return {"result": "ALLOW"}
        if not isinstance(self.policy, OwnerOrPublic):
            return {"result": "DENY"}
        return {
            "result": "CONDITIONAL",
            "pluginId": "catalog",
            "resourceType": "catalog-entity",
            "conditions": self.policy.conditions(caller.ownership),
        }

    def _verdict(self, caller: Caller, permission: str, ref: str) -> str:
        entity = self.entities.get(ref)  # compared letter by letter
        policy = self.policies.get(permission, self.policy)
        allowed = entity is not None and policy(str(caller.user_ref), caller.ownership, entity)
        return "ALLOW" if allowed else "DENY"


def _checked_items(body: bytes) -> Sequence[Json]:
    try:
        items = json.loads(body or b"{}").get("items")
    except (ValueError, AttributeError) as error:
        raise bad_input("the body is not a JSON object") from error
    if not isinstance(items, list) or not all(map(_is_item, items)):
        raise bad_input('[{"code": "invalid_type", "path": ["items"]}]')
    return items


def _is_item(item: Any) -> bool:
    match item:
        case {
            "id": str(),
            "permission": {"name": str(), "type": kind, "attributes": dict(attributes)},
        }:
            ref = item.get("resourceRef", "x")
            refs = ref if isinstance(ref, list) else [ref]
            is_ref = bool(refs) and all(isinstance(each, str) for each in refs)
            is_kind = kind == "basic" or (
                kind == "resource" and isinstance(item["permission"].get("resourceType"), str)
            )
            return is_kind and is_ref and attributes.get("action") in _ACTIONS
    return False

"""The routes of a Backstage backend, as far as readers use them, with its errors."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.fakes.backstage_catalog import parse_filters, query_page, select
from tests.fakes.backstage_events import EventBus
from tests.fakes.backstage_permission import Permissions
from tests.fakes.backstage_search import SearchIndex
from tests.fakes.backstage_tokens import (
    BackstageError,
    Caller,
    Tokens,
    bad_input,
    not_allowed,
    not_found,
    unauthenticated,
)

Json = dict[str, Any]
Site = Mapping[str, str]
_QUERY_PARAMETERS = {
    "cursor",
    "fields",
    "filter",
    "fullTextFilterFields",
    "fullTextFilterTerm",
    "limit",
    "offset",
    "orderField",
    "totalItems",
}
_SERVED_AS_TEXT = (".html", ".svg", ".xml")


@dataclass(frozen=True)
class BackstageRoutes:
    """Answers from mappings that may change meanwhile.

    `is_old` makes it a catalog-backend before 3.5.0.
    """

    entities: Mapping[str, Json]
    sites: Mapping[str, Site]
    tokens: Tokens
    permissions: Permissions
    is_old: bool
    events: EventBus | None = None
    search: SearchIndex | None = None

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.backstage/health/v1/{check}", self._health),
                Route("/api/permission/health", self._health),
                Route("/api/auth/.well-known/jwks.json", self._user_keys),
                Route("/api/auth/v1/userinfo", self._userinfo),
                Route("/api/{plugin}/.backstage/auth/v1/jwks.json", self._plugin_keys),
                Route("/api/catalog/entities/by-query", self._query, methods=["GET", "POST"]),
                Route("/api/catalog/entities/by-refs", self._by_refs, methods=["POST"]),
                Route("/api/catalog/entities/by-name/{kind}/{namespace}/{name}", self._by_name),
                Route("/api/permission/authorize", self._authorize, methods=["POST"]),
                Route("/api/techdocs/metadata/techdocs/{namespace}/{kind}/{name}", self._metadata),
                Route(
                    "/api/techdocs/static/docs/{namespace}/{kind}/{name}/{path:path}", self._static
                ),
                *([Route("/api/search/query", self._search)] if self.search else ()),
                *(self.events.routes(self.tokens) if self.events else ()),
            ],
            exception_handlers={BackstageError: _refuse, 404: _nothing, 405: _nothing},
        )

    def _caller(self, request: Request, *, takes_limited: bool = False) -> Caller:
        plugin = request.url.path.split("/")[2]
        authorization = request.headers.get("authorization")
        return self.tokens.authenticate(authorization, plugin, takes_limited=takes_limited)

    async def _health(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _user_keys(self, _request: Request) -> Response:
        return JSONResponse({"keys": [key.jwk for key in self.tokens.user_keys]})

    async def _plugin_keys(self, request: Request) -> Response:
        keys = self.tokens.plugin_keys.get(request.path_params["plugin"])
        return JSONResponse({"keys": [key.jwk for key in keys]}) if keys else Response(None, 404)

    async def _userinfo(self, request: Request) -> Response:
        if "authorization" not in request.headers:
            raise unauthenticated("No token provided")
        caller = self._caller(request, takes_limited=True)
        if caller.user_ref is None:
            raise bad_input(
                "Userinfo endpoint must be called with a token that represents a user principal"
            )
        if caller.plugin or caller.user_ref not in self.tokens.ownership:
            return PlainTextResponse("User info not found", 404, media_type="text/html")
        return JSONResponse({"claims": {"sub": caller.user_ref, "ent": caller.ownership}})

    async def _query(self, request: Request) -> Response:
        caller = self._caller(request)
        if request.method == "GET":
            asked = self._query_parameters(request)
        elif self.is_old:
            return Response(None, 404)
        else:
            asked = await _json_object(request)
        page = query_page(
            list(self.entities.values()),
            asked,
            is_visible=lambda entity: self.permissions.may_read(caller, entity),
        )
        return JSONResponse(page)

    def _query_parameters(self, request: Request) -> Json:
        params = request.query_params
        known = _QUERY_PARAMETERS - ({"totalItems"} if self.is_old else set())
        for name, value in params.multi_items():
            if name not in known:
                raise bad_input(f"Unknown query parameter '{name}'")
            if name in {"limit", "offset"} and not value.isdigit():
                raise bad_input(f"request/query/{name} must be integer")
            if name == "totalItems" and value not in {"include", "exclude"}:
                raise bad_input(f"request/query/{name} must be one of the allowed values")
            if not value:
                raise bad_input(f"Empty value found for query parameter '{name}'")
        asked = {name: int(params[name]) for name in ("limit", "offset") if name in params}
        texts = {name: params[name] for name in ("cursor", "totalItems") if name in params}
        fields = params["fields"].split(",") if "fields" in params else []
        return {
            **asked,
            **texts,
            "fields": fields,
            "query": parse_filters(params.getlist("filter")),
        }

    async def _by_refs(self, request: Request) -> Response:
        caller = self._caller(request)
        asked = await _json_object(request)
        if not isinstance(asked.get("entityRefs"), list):
            raise bad_input("request/body must have required property 'entityRefs'")
        found = (self._readable(caller, ref) for ref in asked["entityRefs"])
        fields = asked.get("fields", [])
        return JSONResponse({"items": [entity and select(entity, fields) for entity in found]})

    async def _by_name(self, request: Request) -> Response:
        kind, namespace, name = (request.path_params[key] for key in ("kind", "namespace", "name"))
        ref = f"{kind}:{namespace}/{name}".lower()
        entity = self._readable(self._caller(request), ref)
        if entity is None:
            raise not_found(
                f"No entity named '{name}' found, with kind '{kind}' in namespace '{namespace}'"
            )
        return JSONResponse(entity)

    def _readable(self, caller: Caller, ref: str) -> Json | None:
        entity = self.entities.get(ref)
        return entity if entity and self.permissions.may_read(caller, entity) else None

    async def _authorize(self, request: Request) -> Response:
        caller = self._caller(request)
        return JSONResponse(self.permissions.authorize(caller, await request.body()))

    async def _search(self, request: Request) -> Response:
        assert self.search
        caller = self._caller(request)
        return JSONResponse(
            self.search.answer(request.url.query, lambda ref: bool(self._readable(caller, ref)))
        )

    async def _metadata(self, request: Request) -> Response:
        ref = self._documented(request, self._caller(request), "Unable to get metadata for '{}'")
        text = self.sites.get(ref, {}).get("techdocs_metadata.json")
        if text is None:
            raise not_found(
                f"Unable to get metadata for '{ref}'; caused by Error: Unable to read "
                "techdocs_metadata.json at /srv/techdocs/techdocs_metadata.json"
            )
        return JSONResponse(json.loads(text))

    async def _static(self, request: Request) -> Response:
        params = request.path_params
        caller = self._caller(request, takes_limited=True)
        ref = self._documented(request, caller, "Entity not found for {}")
        triplet = [params[key] for key in ("namespace", "kind", "name")]
        site, path = self.sites.get(ref, {}), params["path"]
        lower = "/".join(["/api/techdocs/static/docs", *(part.lower() for part in triplet), path])
        if any(part != part.lower() for part in triplet):
            return RedirectResponse(lower, 301)
        if f"{path}/index.html" in site:
            return RedirectResponse(lower + "/", 301)
        content = site.get(f"{path}index.html" if not path or path.endswith("/") else path)
        if content is None:
            return Response(None, 404)
        is_text = path.endswith((*_SERVED_AS_TEXT, "/")) or not path
        media_type = "text/plain" if is_text else "application/json"
        return Response(
            content, media_type=media_type, headers={"x-content-type-options": "nosniff"}
        )

    def _documented(self, request: Request, caller: Caller, complaint: str) -> str:
        if caller.cannot_be_delegated:
            raise not_allowed(
                "Access to target plugin 'catalog' is restricted and cannot be delegated"
            )
        params = request.path_params
        ref = f"{params['kind']}:{params['namespace']}/{params['name']}".lower()
        if self._readable(caller, ref) is None:
            raise not_found(complaint.format(ref))
        return ref


async def _json_object(request: Request) -> Json:
    body = await request.body()
    if len(body) > 100_000:
        raise bad_input("request entity too large")
    try:
        parsed: Json = json.loads(body)
    except ValueError as error:
        raise bad_input("Expected property name or '}' in JSON at position 1") from error
    return parsed


async def _nothing(_request: Request, _error: Exception) -> Response:
    return Response(None, 404)


async def _refuse(request: Request, error: Exception) -> Response:
    if not isinstance(error, BackstageError):
        raise error
    url = (
        "/"
        + request.url.path.split("/", 3)[3]
        + (f"?{request.url.query}" if request.url.query else "")
    )
    body = {
        "error": {"name": error.name, "message": error.message},
        "request": {"method": request.method, "url": url},
        "response": {"statusCode": error.status},
    }
    return JSONResponse(body, error.status)

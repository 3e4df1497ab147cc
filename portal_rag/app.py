"""The ASGI application: routes, middleware and error handlers on one screen."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Mount, Route

from portal_rag.api.authentication import (
    Authentication,
    BackstageAuthentication,
    LocalAuthentication,
    OidcAuthentication,
    PluginAuthentication,
)
from portal_rag.api.failures import MOUNT, known_failure, routing_failure, unknown_failure
from portal_rag.api.health import liveness, readiness
from portal_rag.api.machine_clients import MachineAccess, UsersOnly
from portal_rag.api.metrics import metrics
from portal_rag.api.plugin import permission_metadata, public_keys
from portal_rag.api.questions import answer_question
from portal_rag.api.request_log import RequestLog
from portal_rag.api.state import State
from portal_rag.clients.oidc.tokens import SubjectTokens
from portal_rag.errors import PortalRagError
from portal_rag.services import Services

OpenServices = Callable[[], AbstractAsyncContextManager[Services]]


def create_app(open_services: OpenServices) -> Starlette:
    """Build the application; `open_services` runs once, when it starts."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[State]:
        async with open_services() as services:
            known, users = services.machine_clients, _authentication(services)
            yield State(
                services=services,
                authentication=UsersOnly(known=known, users=users),
                machines=MachineAccess(known=known, others=users),
            )

    return Starlette(
        lifespan=lifespan,
        routes=[
            Route("/health", liveness),
            Route("/.backstage/health/v1/liveness", liveness),
            Route("/.backstage/health/v1/readiness", readiness),
            Route("/metrics", metrics),
            Mount(
                MOUNT,
                routes=[
                    Route("/v1/questions", answer_question, methods=["POST"]),
                    Route("/.backstage/auth/v1/jwks.json", public_keys),
                    Route("/.well-known/backstage/permissions/metadata", permission_metadata),
                ],
            ),
        ],
        middleware=[Middleware(RequestLog)],
        exception_handlers={
            PortalRagError: known_failure,
            HTTPException: routing_failure,
            Exception: unknown_failure,
        },
    )


def _authentication(services: Services) -> Authentication:
    if services.verifier is None:
        return LocalAuthentication()
    if isinstance(services.verifier, SubjectTokens):
        return OidcAuthentication(services.verifier)
    if services.plugin_keys is None:
        return BackstageAuthentication(services.verifier)
    return PluginAuthentication(services.verifier)

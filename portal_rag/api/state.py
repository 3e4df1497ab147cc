"""What the lifespan hands to every request."""

from typing import TypedDict

from portal_rag.api.authentication import Authentication
from portal_rag.services import Services


class State(TypedDict):
    """Typed lifespan state, read as `request.state["services"]`."""

    services: Services
    authentication: Authentication

"""What the lifespan hands to every request."""

from typing import TypedDict

from portal_rag.api.machine_clients import MachineAccess, UsersOnly
from portal_rag.services import Services


class State(TypedDict):
    """Typed lifespan state, read as `request.state["services"]`."""

    services: Services
    authentication: UsersOnly
    machines: MachineAccess

"""The calibration that the settings name, in force only while it fits the published index."""

from pathlib import Path

import structlog

from portal_rag.confidence.calibration import (
    Calibration,
    load_calibration,
    packaged_calibration,
)
from portal_rag.corpus.store import IndexIdentity, IndexReader
from portal_rag.domain import Timer
from portal_rag.errors import PortalRagError
from portal_rag.settings import ServiceSettings

_OFF = "off"
_LOOK_AGAIN_SECONDS = 60.0

_log = structlog.get_logger()


class FittingCalibration:
    """Looks at most once a minute how the published index was made.

    An index that cannot be read, or was made in another way, has no calibration.
    """

    def __init__(
        self, calibration: Calibration | None, index: IndexReader | None, timer: Timer
    ) -> None:
        self._calibration = calibration
        self._index = index
        self._timer = timer
        self._looked_at: float | None = None
        self._found: IndexIdentity | None = None

    async def current(self) -> Calibration | None:
        """Give the calibration if it fits."""
        if self._calibration is None or self._index is None:
            return None
        now = self._timer()
        if self._looked_at is None or now - self._looked_at >= _LOOK_AGAIN_SECONDS:
            self._look(await _identity(self._index))
            self._looked_at = now
        return self._calibration if self._found == self._calibration.index else None

    def _look(self, found: IndexIdentity | None) -> None:
        if found != self._found or self._looked_at is None:
            fits = self._calibration is not None and found == self._calibration.index
            _log.info("calibration", fits_index=fits)
        self._found = found


def open_calibration(
    settings: ServiceSettings, index: IndexReader | None, timer: Timer
) -> FittingCalibration:
    """Read the calibration that the settings name, else the one of the packaged model.

    Raises:
        ConfigurationError: the file cannot be read, or is no calibration.
    """
    return FittingCalibration(_named(settings.calibration_file), index, timer)


def _named(file: str | None) -> Calibration | None:
    if file is None:
        return packaged_calibration()
    return None if file == _OFF else load_calibration(Path(file))


async def _identity(index: IndexReader) -> IndexIdentity | None:
    try:
        return (await index.manifest()).identity
    except PortalRagError:
        return None

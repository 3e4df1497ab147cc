"""`portal-index` as a process of its own, without a model, that kills itself where it is told to.

`python -m tests.indexer.program MOMENT ARGS…`: the moment is `never`, `embed:N` or `rename:N`, the
N-th time that something is embedded, or about to be renamed or replaced.
"""

import os
import signal
import sys
from collections.abc import Sequence

from indexer.cli import main
from indexer.running import Surroundings
from portal_rag.corpus.store import DenseVector
from tests.fakes.embedding import HashingEmbedder


class Moment:
    """Counts down to the end of the process."""

    def __init__(self, text: str) -> None:
        self._event, _, count = text.partition(":")
        self._left = int(count or 0)

    def pass_by(self, event: str) -> None:
        if event == self._event:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class MortalEmbedder(HashingEmbedder):
    def __init__(self, moment: Moment) -> None:
        super().__init__()
        self._moment = moment

    def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
        self._moment.pass_by("embed")
        return super().embed_documents(texts)


if __name__ == "__main__":
    moment = Moment(sys.argv[1])
    sys.dont_write_bytecode = True  # which would be renaming, too
    sys.addaudithook(lambda event, _args: moment.pass_by(event.removeprefix("os.")))
    main(sys.argv[2:], obj=Surroundings(load_embedder=lambda _model: MortalEmbedder(moment)))

"""`portal-index` as a process of its own, without a model, that kills itself where it is told to.

`python -m tests.indexer.program MOMENT ARGS…`: the moment is `never`, or `EVENT:N`, the N-th time
that

- embed: something is embedded,
- rename: something is about to be renamed or replaced,
- engine: the embedded engine is called,
- change: a file or folder of the index is about to be made, opened to be written, or removed.

`python -m tests.indexer.program` reads such orders from standard input, one JSON object a line, and
forks for each: imports take longer than a run. It answers with the child's id, and with how it
ended; of a run that lives it writes down how often each event came.
"""

import json
import os
import resource
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from indexer.cli import main
from indexer.running import Surroundings
from portal_rag.corpus.store import DenseVector
from tests.fakes.embedding import HashingEmbedder

_CHANGES = frozenset({"open", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.rename"})


class Moment:
    """Counts what happens, up to the end of the process."""

    def __init__(self, text: str) -> None:
        event, _, count = text.partition(":")
        self._end = (event, int(count or 0))
        self.counted: Counter[str] = Counter()

    def pass_by(self, event: str) -> None:
        self.counted[event] += 1
        if (event, self.counted[event]) == self._end:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, index: str) -> None:
        """Look at each call from now on; the index is the folder that it is kept in."""

        def audit(event: str, args: tuple[Any, ...]) -> None:
            if event == "os.rename":
                self.pass_by("rename")
            if event in _CHANGES and _changes(event, args, index):
                self.pass_by("change")

        def profile(_frame: FrameType, event: str, arg: Any) -> None:
            if event == "c_call" and "EdgeShard" in arg.__qualname__:
                self.pass_by("engine")

        sys.addaudithook(audit)
        if self._end[0] in {"engine", "never"}:  # for it is slow
            sys.setprofile(profile)


def _changes(event: str, args: tuple[Any, ...], index: str) -> bool:
    path, *rest = args
    if event == "open" and not (rest[-1] & (os.O_WRONLY | os.O_RDWR)):
        return False
    within_folder = event in {"os.remove", "os.rmdir"} and rest[-1] != -1
    return within_folder or (isinstance(path, str | Path) and str(path).startswith(index))


class MortalEmbedder(HashingEmbedder):
    def __init__(self, moment: Moment) -> None:
        super().__init__()
        self._moment = moment

    def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
        self._moment.pass_by("embed")
        return super().embed_documents(texts)


def run(moment: Moment, args: Sequence[str]) -> None:
    """Be `portal-index`; ends as that does."""
    if most_bytes := os.environ.get("TEST_MOST_BYTES_OF_A_FILE"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(most_bytes), int(most_bytes)))
    sys.dont_write_bytecode = True  # which would be renaming, too
    moment.watch(os.environ["PORTAL_RAG_INDEX_DIR"])
    main(list(args), obj=Surroundings(load_embedder=lambda _model: MortalEmbedder(moment)))


def fork_for_each_order() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if not child:
            _obey(order)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _obey(order: dict[str, Any]) -> NoReturn:
    """Run in a child, which must not end as its parent would."""
    output = os.open(os.devnull, os.O_WRONLY)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update(order["environ"])
    moment, code = Moment(order["moment"]), 70
    try:
        run(moment, order["args"])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.setprofile(None)
        if order["moment"] == "never":
            Path(order["counted"]).write_text(json.dumps(moment.counted), encoding="utf-8")
        os._exit(code)


if __name__ == "__main__":
    if sys.argv[1:]:
        run(Moment(sys.argv[1]), sys.argv[2:])
    else:
        fork_for_each_order()

"""Passages are shared out among processes, and come back in order."""

import signal
import subprocess
import sys

from indexer.embedding_processes import EmbeddingProcesses
from portal_rag.corpus.embedding import Embedder
from tests.fakes.embedding import HashingEmbedder


class ThreadsInVectors(HashingEmbedder):
    """Has as many dimensions as it was told threads, times 8."""

    def __init__(self, threads: int) -> None:
        super().__init__(8 * threads)


def load(_threads: int) -> Embedder:
    return HashingEmbedder()


def test_passages_come_back_in_order_and_as_one_process_would_give_them() -> None:
    texts = [f"text {number}" for number in range(50)]
    here = HashingEmbedder()
    with EmbeddingProcesses(here, load=load, processes=2, cores=2) as embedder:
        assert embedder.embed_documents(texts) == here.embed_documents(texts)
        assert embedder.embed_documents(texts[:3]) == here.embed_documents(texts[:3])
        assert embedder.embed_query("text") == here.embed_query("text")
        assert (embedder.fingerprint, embedder.dimensions) == (here.fingerprint, here.dimensions)


def test_the_cores_are_shared_out_too() -> None:
    texts = ["text"] * 30
    for processes, cores, threads in ((2, 8, 4), (3, 2, 1)):
        with EmbeddingProcesses(
            HashingEmbedder(), load=ThreadsInVectors, processes=processes, cores=cores
        ) as embedder:
            assert {len(vector.values) for vector in embedder.embed_documents(texts)} == {
                8 * threads
            }


PARENT = """
import sys
from indexer.embedding_processes import EmbeddingProcesses
from tests.fakes.embedding import HashingEmbedder
from tests.indexer.test_embedding_processes import load

embedder = EmbeddingProcesses(HashingEmbedder(), load=load, processes=2, cores=2)
embedder.embed_documents(["text"] * 30)
print("embedded", flush=True)
sys.stdin.read()
"""


def test_the_processes_end_when_the_first_one_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == "embedded\n"
        parent.kill()
        rest, _ = parent.communicate(timeout=60)  # until nobody holds the other end any more
    assert (rest, parent.returncode) == ("", -signal.SIGKILL)

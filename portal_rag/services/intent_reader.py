"""What tells the intent of a question: the model of the index, and labelled examples."""

import anyio.to_thread

from portal_rag.corpus.embedding import Embedder
from portal_rag.settings import ServiceSettings
from portal_rag.understanding.examples import Example, load_examples, shipped_examples
from portal_rag.understanding.intents import IntentReader


async def open_intent_reader(settings: ServiceSettings, embedder: Embedder) -> IntentReader:
    """Embed the examples that did not come with their vectors: a moment, or a minute.

    Raises:
        ConfigurationError: the file of further examples cannot be used.
    """
    examples = known_examples(settings)
    return await anyio.to_thread.run_sync(IntentReader, embedder, examples)


def known_examples(settings: ServiceSettings) -> tuple[Example, ...]:
    """Read the shipped examples, and those of the file that the settings name.

    Raises:
        ConfigurationError: that file cannot be used.
    """
    if settings.intent_examples is None:
        return shipped_examples()
    return load_examples(settings.intent_examples, setting="PORTAL_RAG_INTENT_EXAMPLES")

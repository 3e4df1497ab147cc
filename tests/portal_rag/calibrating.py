"""A calibration whose chances can be told by heart."""

from portal_rag.confidence.calibration import Calibration, Logistic
from portal_rag.corpus.store import SCHEMA_VERSION, IndexIdentity
from portal_rag.domain import Signals

SIGNALS = Signals(
    similarity=0.7,
    similarity_gap=0.3,
    lexical=1.0,
    lexical_gap=0.5,
    covered=0.9,
    covered_by_all=1.0,
    unknown=0.0,
    agreement=0.5,
    terms=4,
)


def make_calibration(
    *, intercept: float = 0.0, weight: float = 0.0, embedding: str = "hashing@64"
) -> Calibration:
    return Calibration(
        index=IndexIdentity(embedding=embedding, schema=SCHEMA_VERSION, chunking=0),
        set_hash="0" * 64,
        labels=500,
        documents=Logistic(
            features=("similarity",),
            means=(0.5,),
            scales=(0.2,),
            weights=(weight,),
            intercept=intercept,
        ),
        constants={
            "fact": 0.98,
            "partial_fact": 0.8,
            "unknown_name": 0.9,
            "nothing": 0.6,
            "refused": 0.7,
        },
        high=0.9,
        medium=0.75,
        refuse_below=0.5,
    )

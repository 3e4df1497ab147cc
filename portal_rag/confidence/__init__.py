"""Query + Draft + Evidence -> how far the answer can be trusted, with reasons and warnings."""

from portal_rag.confidence.features import features_of, kind_of
from portal_rag.confidence.levels import assess, is_too_uncertain, warn

__all__ = ["assess", "features_of", "is_too_uncertain", "kind_of", "warn"]

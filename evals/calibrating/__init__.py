"""Fits chances to answers that were judged: what `portal_rag.confidence` reads from a file."""

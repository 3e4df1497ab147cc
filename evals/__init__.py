"""Measures the answers: golden questions, retrieval benchmarks, leak checks."""

"""Asks a golden set of questions, judges each answer, and compares one run with another."""

"""Test doubles of what lies outside: an embedder without a model, a Backstage on loopback."""

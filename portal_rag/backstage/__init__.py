"""Backstage protocols, one small asynchronous client per plugin."""

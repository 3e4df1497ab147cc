"""The question service: permission-aware, cited answers about a Backstage portal."""

__version__ = "0.1.0"

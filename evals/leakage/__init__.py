"""Tries to make the service tell users what Backstage hides from them."""

"""The hub's own API (generated code)."""

"""The hub: the cloud process that keeps the connectors' sessions and takes callers' calls to them."""

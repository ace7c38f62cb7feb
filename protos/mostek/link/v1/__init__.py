"""The link: frames between a connector and the hub (generated code)."""

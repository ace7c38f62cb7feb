"""The connector: the process beside the ERP that dials the hub and runs its commands with plugins."""

"""Several replicas of the hub on one database: who is alive, who holds which session, and calls from one to another."""

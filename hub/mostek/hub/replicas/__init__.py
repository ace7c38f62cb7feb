"""Several replicas of the hub on one database: who is alive, which holds which session, and calls from one to another."""

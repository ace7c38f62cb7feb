"""Who may connect: the hub's certificate authority, enrolment, and the look at each stream's certificate."""

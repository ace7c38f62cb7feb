"""Nothing grows: thousands of reconnects and abandoned calls against real processes (`make soak`)."""

"""What stands in for Optima on a sandbox: `double`, its objects; `books`, what they do to the database."""

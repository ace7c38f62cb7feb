"""What stands in for Sfera GT on a sandbox: `double`, its objects; `books`, what they do to the database."""

"""Random faults under load, and then the count: no order lost, none doubled, none reported wrongly (`make chaos`)."""

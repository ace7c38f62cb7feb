"""`python -m mostek.connector` is `mostek-connector`."""

from mostek.connector.cli import main

main()

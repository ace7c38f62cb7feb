"""`python -m mostek.hub` is `mostek-hub`."""

from mostek.hub.cli import main

main()

"""`python -m mostek.connector.launcher`."""

from mostek.connector.launcher.cli import main

main()

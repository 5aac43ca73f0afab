"""`python -m emofeat` is the command line."""

from emofeat.cli import main

main()

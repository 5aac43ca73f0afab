"""`python -m emomodels`."""

from emomodels.cli import main

main()

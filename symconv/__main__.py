"""`python -m symconv` is the command line."""

from symconv.cli import main

main()

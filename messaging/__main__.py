"""`python -m messaging`: the operators' commands."""

from messaging.cli.app import main

if __name__ == "__main__":
    main()

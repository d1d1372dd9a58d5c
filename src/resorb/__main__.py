"""`python -m resorb` is the same as `resorb`."""

from resorb.cli import main

if __name__ == "__main__":
    main()

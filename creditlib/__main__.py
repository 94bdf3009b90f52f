"""`python -m creditlib`."""

from creditlib.cli import main

if __name__ == "__main__":
    main()

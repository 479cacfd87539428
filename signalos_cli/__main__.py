"""`python -m signalos_cli` is `signalos`."""

from signalos_cli.main import main

if __name__ == "__main__":
    main()

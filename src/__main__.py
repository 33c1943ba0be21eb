"""`python -m farpool` is the `farpool` command."""

if __name__ == "__main__":
    from farpool.cli import main

    main()

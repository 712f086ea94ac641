import sys

from wrangler_compat.cli import main

if __name__ == "__main__":
    sys.exit(main())

import sys

from edge_api.cli import main

sys.exit(main())

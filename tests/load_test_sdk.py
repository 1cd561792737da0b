"""So many requests of the recorded mix to a proxy: python tests/load_test_sdk.py --port 8765 --num-requests 100."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])  # in this folder `harness` are the tests of it
    from harness.requests_command import main

    main()

"""`python -m unity_bridge.embedded`: the embedded player."""

import os

if __name__ == "__main__":
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # read when grpc is imported; a normal goodbye is no news
    from unity_bridge.embedded.main import main

    raise SystemExit(main())

"""`python -m unity_bridge.embedded`: the embedded player."""

from unity_bridge.embedded.main import main

if __name__ == "__main__":
    raise SystemExit(main())

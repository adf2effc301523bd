#!/usr/bin/env bash
# Makes .venv with everything Beltline needs, and sees to an LLVM for the renderer and to Mono and PostgreSQL for tests.
# Run by `make setup`; safe to repeat.
# PYTHON=/path/to/python chooses the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."

VENV=.venv
STAMP="$VENV/beltline-setup"

say() { printf 'setup: %s\n' "$*" >&2; }
die() {
  printf 'setup: %s\n' "$@" >&2
  exit 1
}

fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; }

find_python() {
  local candidate
  if [[ -n "${PYTHON:-}" ]]; then
    fits "$PYTHON" || die "PYTHON=$PYTHON is not a Python 3.11, 3.12 or 3.13"
    printf '%s' "$PYTHON"
    return
  fi
  for candidate in python3.11 python3.12 python3.13 python3; do
    if command -v "$candidate" >/dev/null && fits "$candidate"; then
      printf '%s' "$candidate"
      return
    fi
  done
  die "Python 3.11, 3.12 or 3.13 is needed and was not found" "on Debian or Ubuntu: apt-get install python3 python3-venv"
}

# Runs a command as root, where this user may do so without being asked.
as_root() {
  if [[ "$(id -u)" == 0 ]]; then
    "$@"
  else
    sudo -n "$@"
  fi
}

can_be_root() { [[ "$(id -u)" == 0 ]] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }; }

# Name of the best renderer variant that works here: cuda, llvm, scalar or none.
best_variant() {
  "$VENV/bin/python" -m unity_bridge.embedded.variant | "$VENV/bin/python" -c '
import json, sys
print(next((report["name"] for report in json.load(sys.stdin) if report["available"]), "none"))'
}

# The renderer compiles its kernels with an LLVM that it loads at run time; pip has none. Without one it interprets.
see_to_llvm() {
  local package variant
  variant=$(best_variant)
  if [[ "$variant" == cuda || "$variant" == llvm ]]; then
    say "renderer: $variant"
    return
  fi
  if ! command -v apt-get >/dev/null || ! can_be_root; then
    say "renderer: $variant, several times slower than with LLVM. To speed it up, install libllvm19, libllvm18 or" \
      "libllvm17 and run make setup again (installing needs root; this user is not, and may not use sudo unasked)."
    return
  fi
  for package in libllvm19 libllvm18 libllvm17; do
    say "installing $package for the renderer"
    if ! apt-cache show "$package" >/dev/null 2>&1; then
      as_root apt-get update -qq >/dev/null 2>&1 || say "apt-get update failed; going on with the lists that are there"
    fi
    if as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      "$package" libatomic1 >/dev/null 2>&1; then # the second is Dr.Jit's, and bare images lack it
      variant=$(best_variant)
      [[ "$variant" == cuda || "$variant" == llvm ]] && break
      say "$package is there, but the renderer does not accept it"
    else
      say "$package can't be installed here"
    fi
  done
  if [[ "$variant" != cuda && "$variant" != llvm ]]; then
    say "renderer: $variant, several times slower than with LLVM: no LLVM that it accepts could be installed."
  else
    say "renderer: $variant"
  fi
}

# Mono compiles and runs the engine-free half of the Unity player for its tests; nothing else needs it.
see_to_mono() {
  if command -v mcs >/dev/null && command -v mono >/dev/null; then
    return
  fi
  if ! command -v apt-get >/dev/null || ! can_be_root; then
    say "mono: not there, so tests of the Unity player's C# are skipped. To run them: apt-get install mono-mcs mono-runtime"
    return
  fi
  say "installing mono-mcs and mono-runtime for tests of the Unity player's C#"
  if ! apt-cache show mono-mcs >/dev/null 2>&1; then
    as_root apt-get update -qq >/dev/null 2>&1 || say "apt-get update failed; going on with the lists that are there"
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mono-mcs mono-runtime \
    >/dev/null 2>&1 || say "mono can't be installed here: tests of the Unity player's C# are skipped"
}

# Tests start a PostgreSQL of their own; nothing else needs one here, and none is left running.
see_to_postgresql() {
  if command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
    return
  fi
  if ! command -v apt-get >/dev/null || ! can_be_root; then
    say "postgresql: not there, so tests on it are skipped. To run them: apt-get install postgresql"
    return
  fi
  say "installing postgresql for tests"
  if ! apt-cache show postgresql >/dev/null 2>&1; then
    as_root apt-get update -qq >/dev/null 2>&1 || say "apt-get update failed; going on with the lists that are there"
  fi
  # Debian would make a database and start it with the machine; the tests want the programs alone.
  if [[ ! -e /etc/postgresql-common/createcluster.conf ]]; then
    as_root mkdir -p /etc/postgresql-common/createcluster.d
    echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.d/beltline.conf >/dev/null
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql \
    >/dev/null 2>&1 || say "postgresql can't be installed here: tests on it are skipped"
}

python=$(find_python)
key="$(cat pyproject.toml constraints.txt scripts/setup.sh | sha256sum | cut -d' ' -f1) $("$python" -V)"
if [[ -x "$VENV/bin/python" && -f "$STAMP" && "$(cat "$STAMP")" == "$key" ]]; then
  say "up to date"
  exit 0
fi

if ! "$VENV/bin/python" -c '' >/dev/null 2>&1 || [[ "$("$VENV/bin/python" -V)" != "$("$python" -V)" ]]; then
  "$python" -c 'import venv, ensurepip' >/dev/null 2>&1 || die "$("$python" -V) comes without venv" \
    "on Debian or Ubuntu: apt-get install $("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
  say "making $VENV with $("$python" -V)"
  "$python" -m venv --clear "$VENV"
fi
rm -f "$STAMP"

pip() { "$VENV/bin/python" -m pip --disable-pip-version-check --quiet "$@"; }

say "installing (the first time, some minutes and gigabytes: torch is large)"
pip install --constraint constraints.txt hatchling editables
pip install --constraint constraints.txt --no-build-isolation --editable '.[dev]'
see_to_llvm
see_to_mono
see_to_postgresql
printf '%s' "$key" >"$STAMP"
say "done: $VENV/bin/beltline doctor says what this machine can do"

#!/bin/bash
# Builds the player into /output, inside the image of unity-build.Dockerfile.
#
# Secrets, files of /run/secrets: unity_serial, unity_email and unity_password for a licence that is activated here and
# returned at the end; or unity_license, a licence file (.ulf), which is only read.
set -euo pipefail

SECRETS=${BELTLINE_SECRETS:-/run/secrets}
PROJECT=${BELTLINE_PROJECT:-/project}
OUTPUT=${BELTLINE_OUTPUT:-/output}
METHOD=${BELTLINE_BUILD_METHOD:-Beltline.Editor.PlayerBuild.Build}

say() { printf 'unity-build: %s\n' "$*" >&2; }
secret() { if [[ -s "$SECRETS/$1" ]]; then tr -d '\r\n' <"$SECRETS/$1"; fi; }

activated=0
log=$(mktemp)
give_back() {
  local status=$?
  trap - EXIT
  if [[ "$activated" == 1 ]]; then
    if licensing -returnlicense -username "$email" -password "$password"; then
      say "the licence was returned"
    else
      say "the licence could NOT be returned: return it by hand, or it stays taken"
      [[ "$status" != 0 ]] || status=1
    fi
  fi
  rm -f "$log"
  exit "$status"
}
stop() {
  local second
  say "stopping"
  if [[ -n "$editor" ]] && kill -TERM "$editor" 2>/dev/null; then
    # Only one editor at a time can talk to the licence's server.
    for ((second = 0; second < 60; second++)); do
      kill -0 "$editor" 2>/dev/null || break
      sleep 1
    done
    kill -KILL "$editor" 2>/dev/null || true
  fi
  exit "$1"
}
trap give_back EXIT
trap 'stop 130' INT
trap 'stop 143' TERM

# In the background: the shell does not hear a signal before a program in the foreground has ended.
editor=""
run_editor() {
  local status=0
  unity-editor -batchmode -nographics -quit "$@" </dev/null &
  editor=$!
  wait "$editor" || status=$?
  editor=""
  return "$status"
}

# The editor writes its command line, and so the secrets, into its log: it goes to a file, and is shown without them.
licensing() {
  local status=0 text value
  run_editor -logFile "$log" "$@" >/dev/null 2>&1 || status=$?
  if [[ "$status" == 0 ]]; then
    return 0 # not a bare `return`: in a trap that gives the status from before the trap
  fi
  text=$(tail -n 60 "$log" 2>/dev/null || true)
  for value in "$serial" "$email" "$password"; do
    if [[ -n "$value" ]]; then
      text=${text//"$value"/***}
    fi
  done
  printf '%s\n' "$text" >&2
  return "$status"
}

serial=$(secret unity_serial)
email=$(secret unity_email)
password=$(secret unity_password)
if [[ -n "$serial" && -n "$email" && -n "$password" ]]; then
  say "activating the licence"
  activated=1 # an activation that fails half-way may have taken a seat all the same
  licensing -serial "$serial" -username "$email" -password "$password"
elif [[ -s "$SECRETS/unity_license" ]]; then
  say "reading the licence file"
  licensing -manualLicenseFile "$SECRETS/unity_license"
else
  say "no licence: give the secrets unity_serial, unity_email and unity_password, or unity_license"
  exit 2
fi

say "building with $METHOD"
mkdir -p "$OUTPUT"
run_editor -projectPath "$PROJECT" -buildTarget StandaloneLinux64 -executeMethod "$METHOD" \
  -beltlineOutput "$OUTPUT/beltline.x86_64" -logFile -
if [[ ! -x "$OUTPUT/beltline.x86_64" ]]; then
  say "the editor ended without an error, and there is no $OUTPUT/beltline.x86_64"
  exit 1
fi
say "built $OUTPUT/beltline.x86_64"

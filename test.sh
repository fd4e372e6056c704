#!/usr/bin/env bash
# Runs the main job on samples/region.tiff and compares what it finds with samples/expected-mitotic-figures.json.
#
#   ./test.sh [--user UID] [--model FOLDER]
#                             in the container (./build.sh makes it where it is missing), as the platform runs it;
#                             as another user; with a bundle of one's own at /opt/ml/model
#   ./test.sh --local         in the virtual environment .venv, which it makes (no torch)
#   ./test.sh --suite [...]   in .venv-full, which it makes: all the tests (further words go to pytest)
#   ./test.sh --lint          in .venv-full: ruff and mypy
#
# Exit 0: as expected; 1: a wrong result, or a test failed; 2: usage.
# DOCKER is the engine's client (default docker), PYTHON the interpreter (default python3, 3.11 or newer).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

docker=${DOCKER:-docker}
python=${PYTHON:-python3}
region=samples/region.tiff
expected=samples/expected-mitotic-figures.json

fail() { echo "test.sh: $*" >&2; exit 1; }
usage() { sed -n '2,13s/^# \{0,1\}//p' "$0" >&2; exit 2; }

# environment FOLDER SET: a virtual environment with the pinned set and this checkout, made once per change of the set
environment() {
  local folder=$1 pins=requirements/$2.txt
  ! cmp -s "$pins" "$folder/pins.txt" || return 0
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$python is older than 3.11; set PYTHON"
  echo "making $folder from $pins"
  "$python" -m venv --clear "$folder"
  "$folder/bin/python" -m pip install --quiet --requirement "$pins"
  "$folder/bin/python" -m pip install --quiet --no-deps --editable .
  cp "$pins" "$folder/pins.txt"
}

run_local() {
  environment .venv algorithm-cpu
  rm -rf output/local
  .venv/bin/python -m algorithm detect "$region" --output output/local
  .venv/bin/python -m algorithm validate output/local/region/mitotic-figures.json
  .venv/bin/python samples/compare.py output/local/region/mitotic-figures.json "$expected"
}

# contained ARGUMENTS...: a container with no network, no rights, nothing to write but /tmp and /output
contained() {
  "$docker" run --rm --network none --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
    --memory 4g --pids-limit 256 --volume "$work:/input:ro" --volume "$PWD/output/container:/output" \
    ${user:+--user "$user:$user"} ${model:+--volume "$model:/opt/ml/model:ro"} "$@"
}

run_container() {
  "$docker" image inspect anaphase >/dev/null 2>&1 || ./build.sh
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/images/histopathology-roi-cropout"
  cp "$region" "$work/images/histopathology-roi-cropout/"
  cp samples/inputs.json "$work/"
  chmod -R a+rX "$work"
  rm -rf output/container
  mkdir -p output/container
  chmod a+rwx output/container
  contained anaphase
  contained --entrypoint python anaphase -m algorithm validate /output/mitotic-figures.json
  "$python" samples/compare.py output/container/mitotic-figures.json "$expected"
}

lint() {
  environment .venv-full full
  .venv-full/bin/ruff check .
  .venv-full/bin/ruff format --check .
  .venv-full/bin/mypy
}

suite() {
  environment .venv-full full
  .venv-full/bin/python -m pytest "$@"
}

user="" model=""
case ${1:-} in
  --local) [[ $# -eq 1 ]] || usage; run_local; exit ;;
  --lint) [[ $# -eq 1 ]] || usage; lint; exit ;;
  --suite) shift; suite "$@"; exit ;;
esac
while [[ $# -gt 0 ]]; do
  case $1 in
    --user) user=${2:?} ;;
    --model) model=$(realpath "${2:?}") ;;
    *) usage ;;
  esac
  shift 2
done
run_container

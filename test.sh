#!/usr/bin/env bash
# Runs the main jobs on the samples, a region of tissue and a stack of figures, and compares what comes out with what
# samples/ expects; in the container the answers are then scored by the evaluation's.
#
#   ./test.sh [--user UID] [--model FOLDER]
#                             in the container (./build.sh makes them where they are missing), as the platform runs it;
#                             as another user; with a bundle of one's own at /opt/ml/model, on the sample of its task
#   ./test.sh --train         in the trainer's container (./build.sh --train makes it where it is missing): a short run
#                             on the sample region, its export, and the bundle in the algorithm's container
#   ./test.sh --local         in the virtual environment .venv, which it makes (no torch)
#   ./test.sh --suite [...]   in .venv-full, which it makes: all the tests (further words go to pytest)
#   ./test.sh --lint          in .venv-full: ruff and mypy
#
# Exit 0: as expected; 1: a wrong result, or a test failed; 2: usage.
# DOCKER is the engine's client (default docker), PYTHON the interpreter (default python3, 3.11 or newer), MEMORY what a
# container may take (default 4g).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

docker=${DOCKER:-docker}
python=${PYTHON:-python3}
memory=${MEMORY:-4g}

fail() { echo "test.sh: $*" >&2; exit 1; }
usage() { sed -n '2,17s/^# \{0,1\}//p' "$0" >&2; exit 2; }

# about SAMPLE: its bundle's task, the command for it, the platform's folder for its image, its answer's file
about() {
  sample=$1
  case $sample in
    region) task=detection command=detect folder=histopathology-roi-cropout answer=mitotic-figures.json ;;
    stack) task=classification command=classify folder=stacked-histopathology-roi-cropouts
      answer=multiple-mitotic-figure-classification.json ;;
  esac
  expected=samples/$sample/expected-$answer
}

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
  local name
  environment .venv algorithm-cpu
  rm -rf output/local
  for name in region stack; do
    about $name
    .venv/bin/python -m algorithm $command "samples/$sample/$sample.tiff" --output output/local
    .venv/bin/python -m algorithm validate "output/local/$sample/$answer"
    .venv/bin/python samples/compare.py "output/local/$sample/$answer" "$expected"
  done
}

# contained INPUT OUTPUT ARGUMENTS...: a container with no network, no rights, nothing to write but /tmp and /output
contained() {
  local input=$1 output=$PWD/output/$2
  mkdir -p "$output"
  chmod a+rwx "$output"
  "$docker" run --rm --network none --read-only --tmpfs "${tmpfs:-/tmp}" --cap-drop ALL --security-opt no-new-privileges \
    --memory "$memory" --pids-limit 256 --volume "$input:/input:ro" --volume "$output:/output" \
    ${user:+--user "$user:$user"} "${@:3}"
}

# built OPTIONS IMAGE...: build all images unless these are there
built() {
  "$docker" image inspect "${@:2}" >/dev/null 2>&1 || ./build.sh $1
}

run_container() {
  local name
  built "" anaphase anaphase-evaluation
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  for name in region stack; do
    about $name
    if [[ -z $model || $(entry task "$model/manifest.json") == "$task" ]]; then
      rm -rf "output/container/$sample" "output/score/$sample"
      answer_in_container
      score_in_container
    fi
  done
}

# entry KEY FILE: of a JSON object, or of the first one of a list
entry() {
  "$python" -c 'import json, sys; d = json.load(open(sys.argv[2])); print((d[0] if isinstance(d, list) else d)[sys.argv[1]])' "$@"
}

answer_in_container() {
  local input=$work/$sample/case output=container/$sample
  mkdir -p "$input/images/$folder"
  cp "samples/$sample/$sample.tiff" "$input/images/$folder/"
  cp "samples/$sample/inputs.json" "$input/"
  chmod -R a+rX "$work"
  contained "$input" "$output" ${model:+--volume "$model:/opt/ml/model:ro"} anaphase
  contained "$input" "$output" --entrypoint python anaphase -m algorithm validate "/output/$answer"
  "$python" samples/compare.py "output/$output/$answer" "$expected"
}

# the answer just given, scored as the challenge's submission of one job
score_in_container() {
  local input=$work/$sample/submission truth=$work/$sample/truth job
  job=$(entry pk "samples/$sample/predictions.json")
  mkdir -p "$input/$job/output" "$truth"
  cp "output/container/$sample/$answer" "$input/$job/output/"
  cp "samples/$sample/predictions.json" "$input/"
  cp "samples/$sample/ground_truth.json" "$truth/"
  chmod -R a+rX "$work"
  contained "$input" "score/$sample" --volume "$truth:/opt/ml/input/data/ground_truth:ro" anaphase-evaluation
  "$python" samples/score.py "output/score/$sample/metrics.json" "samples/$sample/expected-score.json"
}

run_training() {
  local tmpfs=/tmp:exec # the compiled scan is loaded from there
  built --train anaphase anaphase-train
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  [[ $EUID -eq 0 ]] || user=$EUID # else what the image's user writes could not be removed
  "$python" samples/as_midogpp.py "$work/drawn"
  printf '%s\n' 'name: drawn' 'version: "1"' 'datasets: [{name: the sample, licence: Apache-2.0, source: samples/}]' \
    'intended_use: A test of the trainer.' >"$work/card.yaml"
  chmod -R a+rX "$work"
  rm -rf output/train
  contained "$work" train anaphase-train fit vm_unet_small --data /input/drawn --fold 0 --output /output/run \
    optimiser.epochs=1 optimiser.batches_per_epoch=4
  contained "$work" train anaphase-train export /output/run --card /input/card.yaml --output /output/bundle
  contained "$work" train --entrypoint python anaphase -m algorithm detect /input/drawn/images/001.tiff \
    --bundle /output/bundle --output /output/results
  contained "$work" train --entrypoint python anaphase -m algorithm validate /output/results/001/mitotic-figures.json
}

lint() {
  environment .venv-full full
  .venv-full/bin/ruff check .
  .venv-full/bin/ruff format --check .
  .venv-full/bin/mypy
}

# a browser for the tests of the report's pages, from the system's packages where that is possible
browser() {
  local name
  for name in chromium chromium-browser google-chrome; do
    ! command -v "$name" >/dev/null || return 0
  done
  if [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null; then
    echo "installing chromium for the tests of the report's pages"
    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null && return 0
  fi
  echo "test.sh: no browser, so the tests of the report's pages are skipped; install chromium to run them" >&2
}

suite() {
  environment .venv-full full
  browser
  .venv-full/bin/python -m pytest "$@"
}

user="" model=""
case ${1:-} in
  --train) [[ $# -eq 1 ]] || usage; run_training; exit ;;
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

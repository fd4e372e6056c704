#!/usr/bin/env bash
# Builds the images and checks them as the platform would: anaphase, the algorithm, and anaphase-evaluation.
#
#   ./build.sh [--gpu] [--train]
#
# --gpu takes ONNX Runtime for NVIDIA GPUs, with its CUDA wheels, in place of that for the CPU; --train builds
# anaphase-train too, which trains and exports, with torch and its CUDA wheels.
# TASKS are the tasks whose default bundles go into the image (default "detection classification").
# DOCKER is the engine's client (default docker), BASE_IMAGE the image to start from.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

docker=${DOCKER:-docker}
largest_bytes=6000000000

fail() { echo "build.sh: $*" >&2; exit 1; }
inspect() { "$docker" image inspect --format "$2" "$1"; }

runtime=cpu train=""
for option in "$@"; do
  case $option in
    --gpu) runtime=gpu ;;
    --train) train=yes ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
arguments=(--platform linux/amd64 --build-arg "VERSION=$version" --build-arg "REVISION=$revision")
[[ -z ${BASE_IMAGE:-} ]] || arguments+=(--build-arg "BASE_IMAGE=$BASE_IMAGE")

# check IMAGE [LARGEST]: the platform's rules for an image, and for its bytes
check() {
  local user platform bytes
  user=$(inspect "$1" '{{.Config.User}}')
  platform=$(inspect "$1" '{{.Os}}/{{.Architecture}}')
  bytes=$(inspect "$1" '{{.Size}}')
  [[ $user =~ ^[1-9][0-9]*(:[0-9]+)?$ ]] || fail "$1 runs as '$user'; the platform wants a user that is not root, by number"
  [[ $platform == linux/amd64 ]] || fail "$1 is for $platform; the platform wants linux/amd64"
  [[ -z ${2:-} ]] || ((bytes <= $2)) || fail "$1 has $bytes bytes, more than $2"
  echo "$1 $version: user $user, $platform, $((bytes / 1000000)) MB"
}

"$docker" build "${arguments[@]}" --build-arg "RUNTIME=$runtime" ${TASKS:+--build-arg "TASKS=$TASKS"} --tag anaphase .
"$docker" build "${arguments[@]}" --file evaluation/Dockerfile --tag anaphase-evaluation .
check anaphase "$largest_bytes"
check anaphase-evaluation "$largest_bytes"
if [[ -n $train ]]; then
  "$docker" build "${arguments[@]}" --file Dockerfile.train --tag anaphase-train .
  check anaphase-train
fi

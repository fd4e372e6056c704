#!/usr/bin/env bash
# Builds the algorithm's image, tag anaphase, and checks it as the platform would.
#
#   ./build.sh          ONNX Runtime for the CPU
#   ./build.sh --gpu    ONNX Runtime for NVIDIA GPUs, with its CUDA wheels
#
# DOCKER is the engine's client (default docker), BASE_IMAGE the image to start from.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

docker=${DOCKER:-docker}
tag=anaphase
largest_bytes=6000000000

fail() { echo "build.sh: $*" >&2; exit 1; }
inspect() { "$docker" image inspect --format "$1" "$tag"; }

case ${1:-} in
  "") runtime=cpu ;;
  --gpu) runtime=gpu ;;
  *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
arguments=(--build-arg "RUNTIME=$runtime" --build-arg "VERSION=$version" --build-arg "REVISION=$revision")
[[ -z ${BASE_IMAGE:-} ]] || arguments+=(--build-arg "BASE_IMAGE=$BASE_IMAGE")

"$docker" build --platform linux/amd64 "${arguments[@]}" --tag "$tag" .

user=$(inspect '{{.Config.User}}')
platform=$(inspect '{{.Os}}/{{.Architecture}}')
bytes=$(inspect '{{.Size}}')
[[ $user =~ ^[1-9][0-9]*(:[0-9]+)?$ ]] || fail "the image runs as '$user'; the platform wants a user that is not root, by number"
[[ $platform == linux/amd64 ]] || fail "the image is for $platform; the platform wants linux/amd64"
((bytes <= largest_bytes)) || fail "the image has $bytes bytes, more than $largest_bytes"
echo "$tag $version ($runtime): user $user, $platform, $((bytes / 1000000)) MB"

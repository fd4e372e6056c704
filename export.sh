#!/usr/bin/env bash
# Writes what the platform takes:
#
#   exports/anaphase.tar.gz                the image (./build.sh makes it), one image in one archive
#   exports/model-detection.tar.gz         the default bundle of track 1, which the platform unpacks to /opt/ml/model
#   exports/model-classification.tar.gz    that of track 2
#
# The archive is loaded again to check it. DOCKER is the engine's client (default docker).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

docker=${DOCKER:-docker}
tag=anaphase
largest_bytes=10000000000

fail() { echo "export.sh: $*" >&2; exit 1; }
identity() { "$docker" image inspect --format '{{.Id}}' "$tag"; }

[[ $# -eq 0 ]] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
built=$(identity) || fail "there is no image $tag; run ./build.sh first"
mkdir -p exports

"$docker" save "$tag" | gzip >exports/anaphase.tar.gz.part
images=$(tar -xzOf exports/anaphase.tar.gz.part manifest.json | python3 -c 'import json, sys; print(len(json.load(sys.stdin)))')
[[ $images == 1 ]] || fail "the archive holds $images images; the platform wants one"
bytes=$(wc -c <exports/anaphase.tar.gz.part)
((bytes <= largest_bytes)) || fail "the archive has $bytes bytes, more than $largest_bytes"
"$docker" load --quiet --input exports/anaphase.tar.gz.part
[[ $(identity) == "$built" ]] || fail "the archive holds another image than $built"
mv exports/anaphase.tar.gz.part exports/anaphase.tar.gz

echo "exports/anaphase.tar.gz: $((bytes / 1000000)) MB, image $built"

python3 -c 'import json; [print(*default) for default in json.load(open("bundles/default.json")).items()]' |
  while read -r task bundle; do
    model=exports/model-$task.tar.gz
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "bundles/$bundle" -cf - . | gzip -n >"$model.part"
    mv "$model.part" "$model"
    echo "$model: bundle $bundle, $(($(wc -c <"$model") / 1000)) kB"
  done

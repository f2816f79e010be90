#!/bin/sh
# Prints a line for compose.env for each image of docker-compose.yml: its name and version, and the digest that its
# registry gives for them now. Nothing is printed when one can't be asked for. To renew them, with each release:
#
#   sh deploy/pin-images.sh > images.env
#   grep -v '^[A-Z0-9_]*_IMAGE=' compose.env > others.env && cat others.env images.env > compose.env
set -eu
cd "$(dirname "$0")/.."
pinned=""
for line in $(grep -o '\${[A-Z0-9_]*_IMAGE:-[^}]*}' docker-compose.yml | sort -u); do
    name="${line#??}"
    image="${name#*:-}"
    image="${image%?}"
    digest="$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$image")"
    case "$digest" in
        sha256:*) pinned="$pinned${name%%:*}=$image@$digest
" ;;
        *) echo "$image has no digest: $digest" >&2 && exit 1 ;;
    esac
done
printf %s "$pinned"

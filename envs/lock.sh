#!/usr/bin/env bash
# Writes the locks: base.txt (workflow and training), cpu-vllm.txt (base + vLLM's CPU build, what
# `make` installs), gpu.txt (base + vLLM for CUDA) and slurm.txt (what SLURM needs on top of any of them). Pins that still satisfy the inputs are kept; delete a
# lock to refresh it whole. The "# via" lines stay: the code hash reads the dependencies from them.
set -euo pipefail
cd "$(dirname "$0")"
compile() {
    uv pip compile --quiet --python-version 3.11 \
        --custom-compile-command "make lock" ${PIP_FIND_LINKS:+--find-links "$PIP_FIND_LINKS"} "$@"
}
compile cpu-vllm.in --override cpu-vllm.overrides.txt -o cpu-vllm.txt
pins=$(mktemp)
trap 'rm -f "$pins"' EXIT
grep -E '^[a-z0-9]' cpu-vllm.txt | grep -v '^torch==' > "$pins"
compile base.in --override gpu.overrides.txt --constraint "$pins" -o base.txt
compile gpu.in --override gpu.overrides.txt -o gpu.txt
# the temporary name of the constraints is no one's parent
sed -i "\|^    #   -c $pins\$|d; s|^    # via -c $pins\$|    # via|" base.txt
# only what the others lack
mapfile -t omitted < <(sed -E 's/^([A-Za-z0-9._-]+)==.*/--no-emit-package=\1/' "$pins")
compile slurm.in --constraint "$pins" "${omitted[@]}" -o slurm.txt

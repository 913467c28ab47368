#!/usr/bin/env bash
# Writes the locks, each for all Pythons of the project: base.txt (workflow and training), cpu-vllm.txt (base + vLLM's
# CPU build, what `make` installs), gpu.txt (base + vLLM for CUDA) and slurm.txt (what SLURM needs on top of any of
# them). Pins that still satisfy the inputs are kept; delete a lock to refresh it whole. The "# via" lines stay: the
# code hash reads the dependencies from them. PIP_FIND_LINKS: a folder that has torch's +cpu wheel for each Python.
set -euo pipefail
cd "$(dirname "$0")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/locks"
compile() {  # LOCK ARGUMENTS…
    local lock=$1 python
    shift
    for python in 3.11 3.12 3.13; do
        if [ -e "$lock" ]; then cp "$lock" "$scratch/locks/$python"; else rm -f "$scratch/locks/$python"; fi
        uv pip compile --quiet --python-version "$python" --custom-compile-command "make lock" \
            --find-links "${PIP_FIND_LINKS:-https://download.pytorch.org/whl/cpu/torch/}" "$@" -o "$scratch/locks/$python"
    done
    python3 join_locks.py "$scratch/locks" > "$scratch/joined"
    # the temporary name of the constraints is no one's parent
    sed "\|^    #   -c $scratch/pins\$|d; s|^    # via -c $scratch/pins\$|    # via|" "$scratch/joined" > "$lock"
}
compile cpu-vllm.txt cpu-vllm.in --override cpu-vllm.overrides.txt
grep -E '^[a-z0-9]' cpu-vllm.txt | grep -v '^torch==' > "$scratch/pins"
compile base.txt base.in --override gpu.overrides.txt --constraint "$scratch/pins"
compile gpu.txt gpu.in --override gpu.overrides.txt
# only what the others lack
mapfile -t omitted < <(sed -E 's/^([A-Za-z0-9._-]+)==.*/--no-emit-package=\1/' "$scratch/pins")
compile slurm.txt slurm.in --constraint "$scratch/pins" "${omitted[@]}"

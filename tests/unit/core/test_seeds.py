"""The threads of a process that trains: one, unless its job has more cores."""

from own_process import run_code

THREADS = """
import os, sys
os.environ.update(dict(pair.split("=") for pair in sys.argv[1:]))
from safelrm.core.seeds import seed_everything
seed_everything(1)
import torch
print(torch.get_num_threads())
"""


def test_training_has_as_many_threads_as_its_job_has_cores(tmp_path):
    assert run_code(THREADS, "OMP_NUM_THREADS=2", folder=tmp_path, warm=False).strip() == "1"
    # a warm process has imported torch with one thread
    assert run_code(THREADS, "OMP_NUM_THREADS=1", "SAFELRM_CORES=2", folder=tmp_path).strip() == "2"

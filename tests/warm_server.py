"""A server whose forks are jobs: they begin with the large packages imported, which takes longer than a tiny job.

A client (warm_client.py) sends a job's arguments, folder, environment and open files, then the signals that it gets.
The job ends with its client, and the server when no process holds its standard input any more.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import NoReturn

# setuptools adds its own copies of packages when it is imported
SEARCHED = tuple(sys.path)
PACKAGES = (
    "datasets",
    "matplotlib.backends.backend_pdf",
    "matplotlib.backends.backend_svg",
    "matplotlib.pyplot",
    "pandas",
    "pandas.io.formats.csvs",
    "pandas.io.formats.string",
    "peft",
    "pyarrow.acero",
    "pydantic.root_model",
    "scipy.stats",
    "smart_open",
    "snakemake.cli",
    "snakemake.profiles",
    "snakemake.storage",
    "torch",
    "torch.utils.serialization",
    "transformers.models.granite.modeling_granite",
    "transformers.models.qwen3.modeling_qwen3",
    "trl.trainer.dpo_trainer",
    "trl.trainer.grpo_trainer",
    "trl.trainer.sft_trainer",
    "vllm.config.logging",
    "vllm.distributed.elastic_ep.elastic_execute",
    "vllm.entrypoints.anthropic.protocol",
    "vllm.entrypoints.llm",
    "vllm.model_executor.layers.quantization.compressed_tensors.utils",
    "vllm.model_executor.layers.quantization.online.base",
    "vllm.plugins.lora_resolvers.filesystem_resolver",
    "vllm.plugins.lora_resolvers.hf_hub_resolver",
    "vllm.v1.attention.backends.cpu_attn",
    "vllm.v1.core.sched.scheduler",
    "vllm.v1.pool.flash_maxsim",
    "vllm.v1.worker.cpu_worker",
)


def serve(address: str) -> None:
    """Run the job of each client in a process of its own."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    # clients wait while it imports
    listener.listen()
    for package in PACKAGES:
        importlib.import_module(package)
    prepare()
    # the collector would otherwise write to all pages that the forks share
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while sys.stdin not in select.select([sys.stdin, listener], [], [])[0]:
        client, _ = listener.accept()
        if os.fork() == 0:
            attend(client, str(Path(address).with_name("python")))
        client.close()


def prepare() -> None:
    """Do what takes a job long and ends the same in every job."""
    # it looks for plugins in all folders with packages
    sys.modules["snakemake.cli"].get_argument_parser()
    # both look through all modules and loggers that there are
    sys.modules["vllm.logger"].configure_logging_if_needed(sys.modules["vllm.config.logging"].LoggingConfig())
    platform = type(sys.modules["vllm.platforms"].current_platform)
    platform.register_triton_kernel_overrides()
    platform.register_triton_kernel_overrides = staticmethod(lambda: None)
    # an engine that ends would give the collector all that the forks share
    gc.unfreeze = lambda: None


def attend(client: socket.socket, executable: str) -> NoReturn:
    """Run a job, pass signals on to it, and send its exit status. It takes the executable for its Python."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    sys.executable = executable
    size, files, _, _ = socket.recv_fds(client, 8, 3)
    job = json.loads(client.makefile("rb").read(int.from_bytes(size, "big")))
    number = os.fork()
    if number == 0:
        client.close()
        end(lambda: work(files, **job))
    process = os.pidfd_open(number)
    while process not in select.select([client, process], [], [])[0]:
        sent = client.recv(1)
        os.kill(number, sent[0] if sent else signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
    # the client may have been killed
    with suppress(OSError):
        client.sendall(bytes([status if status >= 0 else 128 - status]))
    os._exit(0)


def work(files: list[int], arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    """Be a Python with these arguments: `-m` and a module, or `-c` and code."""
    for target, file in enumerate(files):
        os.dup2(file, target)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path = [folder, *environment.get("PYTHONPATH", "").split(os.pathsep), *SEARCHED]
    kind, what, *arguments = arguments
    sys.argv = [kind if kind == "-c" else what, *arguments]
    if kind == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        main = sys.modules["__main__"] = ModuleType("__main__")
        exec(what, vars(main))


def end(work: Callable[[], None]) -> NoReturn:
    """Do the work, and end as Python does, but for the taking down of all modules, which takes seconds."""
    status = 0
    try:
        work()
    except SystemExit as error:
        status = error.code or 0
        if isinstance(status, str):
            print(status, file=sys.stderr)
            status = 1
    except BaseException:
        traceback.print_exc()
        status = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


if __name__ == "__main__":
    serve(sys.argv[1])

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
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
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


@dataclass
class Job:
    """A fork at work.

    Attributes:
        number: of its process.
        process: a file that can be read from when the process has ended.
        client: tells signals, and is told the exit status; None if it is gone.
    """

    number: int
    process: int
    client: socket.socket | None

    def pass_on(self) -> None:
        """Pass a signal on. Without its client, the job ends."""
        sent = self.client.recv(1)
        os.kill(self.number, sent[0] if sent else signal.SIGKILL)
        if not sent:
            self.client.close()
            self.client = None

    def report(self) -> None:
        """Tell the exit status."""
        status = os.waitstatus_to_exitcode(os.waitpid(self.number, 0)[1])
        os.close(self.process)
        if self.client:
            # the client may have been killed
            with suppress(OSError):
                self.client.sendall(bytes([status if status >= 0 else 128 - status]))
            self.client.close()


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
    jobs: list[Job] = []
    while True:
        heard = [job.client for job in jobs if job.client]
        ready, _, _ = select.select([sys.stdin, listener, *heard, *(job.process for job in jobs)], [], [])
        if sys.stdin in ready:
            break
        for job in jobs:
            if job.process in ready:
                job.report()
            elif job.client in ready:
                job.pass_on()
        jobs = [job for job in jobs if job.process not in ready]
        if listener in ready:
            jobs += start(listener, jobs, str(Path(address).with_name("python")))
    for job in jobs:
        os.kill(job.number, signal.SIGKILL)


def prepare() -> None:
    """Do what takes a job long and ends the same in every job."""
    # it looks for plugins in all folders with packages
    sys.modules["snakemake.cli"].get_argument_parser()
    # every start of Snakemake reads several files of YAML, and libyaml takes a tenth of the time
    yaml = sys.modules["yaml"]
    yaml.SafeLoader, yaml.FullLoader = yaml.CSafeLoader, yaml.CFullLoader
    # both look through all modules and loggers that there are
    sys.modules["vllm.logger"].configure_logging_if_needed(sys.modules["vllm.config.logging"].LoggingConfig())
    platform = type(sys.modules["vllm.platforms"].current_platform)
    platform.register_triton_kernel_overrides()
    platform.register_triton_kernel_overrides = staticmethod(lambda: None)
    # an engine that ends would give the collector all that the forks share
    gc.unfreeze = lambda: None


def start(listener: socket.socket, others: Sequence[Job], executable: str) -> list[Job]:
    """Start the job of the next client, if that is still there. The job takes the executable for its Python."""
    client, _ = listener.accept()
    try:
        size, files, _, _ = socket.recv_fds(client, 8, 3)
        job = json.loads(client.makefile("rb").read(int.from_bytes(size, "big")))
    except (OSError, ValueError):
        client.close()
        return []
    number = os.fork()
    if number == 0:
        for mine in (listener, client, *(other.client for other in others if other.client)):
            mine.close()
        sys.executable = executable
        end(lambda: work(files, **job))
    for file in files:
        os.close(file)
    return [Job(number, os.pidfd_open(number), client)]


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

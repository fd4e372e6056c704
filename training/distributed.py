"""Several processes that train one network together, started by torchrun.

Each makes its share of a batch's tiles and computes their gradients. What belongs to the batch as a whole, which
negatives are kept and the loss, whose Dice is over all tiles, every process computes from what all of them found,
brought together by `gather`. So the sum of their gradients is the gradient of one process with the whole batch, which
torch's DistributedDataParallel, with its mean over a loss of each process, would not give.

A process that nobody started with others is the first of one: its share is everything, and nothing is exchanged.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn

from algorithm.errors import AlgorithmError

LONGEST_WAIT = timedelta(days=1)
"""For the first process while it validates. One that fails is not waited for: torchrun ends the others."""


@contextmanager
def processes() -> Iterator[None]:
    """Training by all processes that torchrun started, exchanging by NCCL on GPUs, each its own, and by gloo on CPUs.

    None ends before all have come to the end. Raises AlgorithmError for more processes than GPUs.
    """
    if not distributed.is_torchelastic_launched():
        yield
        return
    own = device()
    if own.type == "cuda":
        _check_own_gpu(own)
        torch.cuda.set_device(own)
    backend, bound = ("nccl", own) if own.type == "cuda" else ("gloo", None)
    distributed.init_process_group(backend, timeout=LONGEST_WAIT, device_id=bound)
    yield
    # Neither after an error: others may still be exchanging. The first process may have a held-out domain to search,
    # and torchrun ends it where another fails, be it as it ends.
    wait()
    distributed.destroy_process_group()


def device() -> torch.device:
    """The process's own GPU, or the CPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))


def _check_own_gpu(own: torch.device) -> None:
    count = torch.cuda.device_count()
    if own.index >= count:
        raise AlgorithmError(f"There are more processes than GPUs, {count}.", f"Give --nproc-per-node {count} or less.")


def world_size() -> int:
    """How many processes there are."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Which of them this is; the first, 0, alone validates, writes and speaks."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def share(count: int) -> list[int]:
    """Which of `count` things are this process's: dealt in turn, to each as many; past the last, the first again."""
    rounds = -(-count // world_size())
    return [(turn * world_size() + rank()) % count for turn in range(rounds)]


def gather(own: Tensor, count: int) -> Tensor:
    """All processes' shares (n, ...) in the things' order, (count, ...); gradients flow into the own share alone."""
    if world_size() == 1:
        return own
    sent = own.detach().contiguous()
    shares = [torch.empty_like(sent) for _ in range(world_size())]
    distributed.all_gather(shares, sent)
    shares[rank()] = own
    return torch.stack(shares, dim=1).flatten(0, 1)[:count]


def sum_gradients(model: nn.Module) -> None:
    """Gives every process the sum of all processes' gradients, to the last bit the same."""
    if world_size() == 1:
        return
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    together = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(together)
    for gradient, summed in zip(gradients, together.split([part.numel() for part in gradients]), strict=True):
        gradient.copy_(summed.view_as(gradient))


def wait() -> None:
    """Until every process has come here."""
    if world_size() > 1:
        distributed.barrier()


def first_says(truth: bool) -> bool:
    """What the first process holds true, in every process; the others wait for it."""
    if world_size() == 1:
        return truth
    word = torch.tensor(int(truth), device=device())
    distributed.broadcast(word, src=0)
    return bool(word)


@contextmanager
def alone() -> Iterator[None]:
    """While the other processes wait, this one computes on a CPU with the threads of all on its machine."""
    own = torch.get_num_threads()
    torch.set_num_threads(own * int(os.environ.get("LOCAL_WORLD_SIZE", 1)))
    yield
    torch.set_num_threads(own)

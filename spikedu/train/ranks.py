"""Several processes, one training: each takes its share of every batch.

`torchrun` starts the processes and tells each its rank. Where there is one process,
nothing here does anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel


def count() -> int:
    """Processes that train together."""
    together = dist.is_available() and dist.is_initialized()
    return dist.get_world_size() if together else 1


def rank() -> int:
    """Which of them this is, from 0; only rank 0 writes and prints."""
    return dist.get_rank() if count() > 1 else 0


@contextmanager
def joined(device: torch.device) -> Iterator[torch.device]:
    """Joins the processes that `torchrun` started; gives the device of this one."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield device
        return
    if device.type == "cuda" and device.index is None:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    yield device
    dist.destroy_process_group()  # after an error the others may wait: just end


def share(x: Tensor) -> Tensor:
    """The part of a batch, or of a test set, that is this process's."""
    return x[rank() :: count()]


def total(x: Tensor) -> Tensor:
    """The sum of `x` over all processes."""
    if count() > 1:
        dist.all_reduce(x)
    return x


def wrapped(model: nn.Module, sync_batchnorm: bool) -> nn.Module:
    """`model`, in the end of whose backward pass the gradients are averaged."""
    if count() == 1:
        return model
    if sync_batchnorm:
        for module in model.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                module.__class__ = SyncBatchNorm  # the same parameters, under its names
    return DistributedDataParallel(model)


def alone(network: nn.Module, quiet: bool):
    """While `quiet`, backward only adds to the gradients of this process."""
    together = isinstance(network, DistributedDataParallel)
    return network.no_sync() if together and quiet else nullcontext()


@torch.no_grad()
def alike(model: nn.Module) -> None:
    """Running statistics of BatchNorm: their mean over the processes, in each."""
    for x in model.buffers():
        if x.is_floating_point():
            x.copy_(total(x.clone()) / count())


class _Sum(torch.autograd.Function):
    """Sum over the processes, through which gradients flow back the same way."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return total(x.clone())

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        return total(grad.clone())


class SyncBatchNorm(nn.modules.batchnorm._BatchNorm):
    """BatchNorm over the images of all processes; PyTorch's own needs a GPU."""

    def _check_input_dim(self, x: Tensor) -> None:
        pass

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or count() == 1:
            return super().forward(x)
        axes = [0, *range(2, x.ndim)]
        shape = [1, -1] + [1] * (x.ndim - 2)
        y = x.to(torch.promote_types(x.dtype, torch.float32))
        n = total(torch.tensor(x.numel() / x.shape[1], device=x.device)).to(y.dtype)
        mean = _Sum.apply(y.sum(axes)) / n
        y = y - mean.view(shape)
        variance = _Sum.apply(y.square().sum(axes)) / n
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * n / (n - 1), self.momentum)
            self.num_batches_tracked += 1
        y = y * (variance + self.eps).rsqrt().view(shape)
        return (y * self.weight.view(shape) + self.bias.view(shape)).to(x.dtype)

"""The processes that train one model together: started by ``torchrun``, or one alone.

Every process does each step on its share of the batch, and the gradients are summed over all of them (data-parallel
training; S. Li et al., PyTorch Distributed, VLDB 2020). The sum is taken here and not by DistributedDataParallel,
because a loss of this template holds its model and because a share of a small last batch may be empty. The first
process alone validates, and writes files.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, TypeVar

import torch
from torch import Tensor, distributed

from ttt.engine.errors import TrainingError

T = TypeVar("T")
_PATIENCE: Final = timedelta(days=2)
"""The others wait while the first computes what is needed once a sample; who dies is noticed at once all the same."""


class LeftBehindError(TrainingError):
    """The first process has stopped with an error, or another one is gone."""


@dataclass(frozen=True)
class Ranks:
    """This process among those of a training."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that validates and writes."""
        return self.rank == 0

    def first(self, work: Callable[[], T]) -> T:
        """What ``work`` returns in the first process, which alone calls it.

        Where it raises, the others raise LeftBehindError.
        """
        if self.size == 1:
            return work()
        if not self.is_first:
            done, result = self._broadcast(None)
            if not done:
                raise LeftBehindError("the first process of this training has stopped; its message says why")
            return result  # type: ignore[return-value]
        try:
            result = work()
        except BaseException:
            self._broadcast((False, None))
            raise
        self._broadcast((True, result))
        return result

    @contextmanager
    def holding(self, context: AbstractContextManager[T]) -> Iterator[T]:
        """What ``context`` gives in the first process, which alone enters it."""
        value = self.first(context.__enter__)
        try:
            yield value
        except BaseException as error:
            if self.is_first and not context.__exit__(type(error), error, error.__traceback__):
                raise
            if not self.is_first:
                raise
        else:
            if self.is_first:
                context.__exit__(None, None, None)

    def part(self, batch: Sequence[int]) -> list[int]:
        """This process's share of a batch; a sample that does not count where the batch has too few for all."""
        return list(batch[self.rank :: self.size]) or list(batch[:1])

    def weight(self, batch_size: int) -> float:
        """The weight of the mean over `part` in the mean over a batch of so many samples."""
        return len(range(self.rank, batch_size, self.size)) / batch_size

    def total(self, gradients: Sequence[Tensor], values: Sequence[Tensor]) -> list[Tensor]:
        """Sum ``gradients`` over all processes in place; the sums of ``values``."""
        sums = [value.detach().clone() for value in values]
        self._add_up([*gradients, *sums])
        return sums

    def mean(self, tensors: Sequence[Tensor], weight: float) -> None:
        """Make ``tensors`` the mean over all processes, this one's with ``weight``; whole numbers the first's."""
        numbers = [tensor for tensor in tensors if tensor.is_floating_point() or tensor.is_complex()]
        for tensor in numbers:
            tensor.mul_(weight)
        self._add_up(numbers)
        with _who_is_gone():
            for tensor in tensors:
                if not (tensor.is_floating_point() or tensor.is_complex()):
                    distributed.broadcast(tensor, src=0)

    def any(self, flags: Sequence[bool]) -> list[bool]:
        """Which of ``flags`` are true in any process."""
        counts = torch.tensor([float(flag) for flag in flags])
        self._add_up([counts])
        return (counts > 0).tolist()

    def gathered(self, value: T) -> list[T]:
        """What every process gives, in their order, in the first process; nothing in the others."""
        if self.size == 1:
            return [value]
        found: list[Any] | None = [None] * self.size if self.is_first else None
        with _who_is_gone():
            distributed.gather_object(value, found, dst=0)
        return found or []

    def _add_up(self, tensors: Sequence[Tensor]) -> None:
        """Sum ``tensors`` over all processes in place, each kind of number on its own device and in its own type.

        16-bit numbers are added in float32, and rounded once.
        """
        kinds: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
        for tensor in tensors:
            kinds.setdefault((tensor.device, tensor.dtype), []).append(tensor)
        for (_, kind), alike in kinds.items():
            bucket = torch.cat([tensor.reshape(-1) for tensor in alike]).to(torch.promote_types(kind, torch.float32))
            with _who_is_gone():
                distributed.all_reduce(bucket)
            for tensor, piece in zip(alike, torch.split(bucket, [tensor.numel() for tensor in alike]), strict=True):
                tensor.copy_(piece.view(tensor.shape))

    def _broadcast(self, value: tuple[bool, T | None] | None) -> tuple[bool, T | None]:
        held = [value]
        with _who_is_gone():
            distributed.broadcast_object_list(held, src=0)
        assert held[0] is not None
        return held[0]


@contextmanager
def joined_ranks() -> Iterator[Ranks]:
    """This process among those that ``torchrun`` started (by its environment variables), or alone."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1 or distributed.is_initialized():
        yield present_ranks()
        return
    has_cuda = torch.cuda.is_available()
    if has_cuda:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    distributed.init_process_group("cpu:gloo,cuda:nccl" if has_cuda else "gloo", timeout=_PATIENCE)
    try:
        yield present_ranks()
    finally:
        distributed.destroy_process_group()


def present_ranks() -> Ranks:
    """This process among those that `joined_ranks` has joined, or alone."""
    if not distributed.is_available() or not distributed.is_initialized():
        return Ranks()
    return Ranks(distributed.get_rank(), distributed.get_world_size())


@contextmanager
def _who_is_gone() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise LeftBehindError(
            f"another process of this training is gone ({str(error).splitlines()[0]}); resume from the last checkpoint"
        ) from error

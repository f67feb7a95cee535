"""Step a learning-rate schedule when it should be, and move it to another rate."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from ttt.engine.checkpoint import CheckpointError

_RATES_OF_A_GROUP = ("initial_lr", "max_lr", "min_lr")


def is_stepped_each_step(scheduler: LRScheduler | None) -> bool:
    """Whether the schedule counts optimizer steps; else it counts epochs."""
    return isinstance(scheduler, OneCycleLR)


def move_to_rate(optimizer: Optimizer, scheduler: LRScheduler | None, lr: float) -> None:
    """Set the present learning rate to ``lr``, and scale the rest of the schedule with it.

    Raises CheckpointError where the schedule has reached zero, so that nothing can be scaled.
    """
    for group in optimizer.param_groups:
        if group["lr"] == 0:
            raise CheckpointError(
                "the restored schedule has reached a learning rate of 0, so it cannot go on from another; "
                "add --resume_reset_scheduler"
            )
        factor = lr / group["lr"]
        group["lr"] = lr
        for name in _RATES_OF_A_GROUP:
            if name in group:
                group[name] *= factor
    if scheduler is not None:
        scheduler.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        scheduler._last_lr = [group["lr"] for group in optimizer.param_groups]


def restart_rates(optimizer: Optimizer, lr: float) -> None:
    """Forget the schedule that an optimizer was under and begin at ``lr``."""
    for group in optimizer.param_groups:
        for name in _RATES_OF_A_GROUP:
            group.pop(name, None)
        group["lr"] = lr

"""A device that only pretends to be one, so that tensors which meet across devices are found without a GPU.

Its tensors hold tensors of the cpu, on which every operation is done; but one that meets a tensor of the cpu is
refused, in the words of torch, where a GPU would refuse it. `torch.utils.backend_registration` lets Python code be such
a device. Unlike torch's fake tensors it computes, so that a whole training can run on it.
"""

from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "standin"
_MAY_MEET = {"aten::index", "aten::index_put_", "aten::_index_put_impl_"}
"""A GPU takes tensors of the cpu as indices."""


def device() -> torch.device:
    """The device; registers it on the first call of the process."""
    if torch._C._get_privateuse1_backend_name() != NAME:
        _setup_privateuseone_for_python_backend(NAME, backend_module=_Module())
        _LIBRARY.fallback(_compute, "PrivateUse1")
    return torch.device(NAME)


class _Tensor(torch.Tensor):
    """A tensor on the device, which holds one of the cpu."""

    held: torch.Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, operation: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _compute(operation, *args, **(kwargs or {}))


def _outside(leaf: Any, ours: dict[int, torch.Tensor]) -> Any:
    """A result as a tensor of the device; what an operation changed in its place is the same tensor as before."""
    if not isinstance(leaf, torch.Tensor):
        return leaf
    if id(leaf) in ours and ours[id(leaf)].shape == leaf.shape:
        return ours[id(leaf)]
    tensor = torch.Tensor._make_wrapper_subclass(
        _Tensor,
        leaf.shape,
        strides=leaf.stride(),
        storage_offset=leaf.storage_offset(),
        dtype=leaf.dtype,
        device=torch.device(NAME, 0),
    )
    tensor.held = leaf
    return tensor


def _inside(leaf: Any) -> Any:
    if isinstance(leaf, _Tensor):
        return leaf.held
    if isinstance(leaf, torch.device) and leaf.type == NAME:
        return torch.device("cpu")
    return leaf


def _compute(operation: Any, *args: Any, **kwargs: Any) -> Any:
    """Do an operation on what its tensors hold."""
    name, tensors = operation._schema.name, [leaf for leaf in tree_leaves((args, kwargs)) if _is_tensor(leaf)]
    ours = {id(tensor.held): tensor for tensor in tensors if isinstance(tensor, _Tensor)}
    if name == "aten::copy_":  # from any device to any other
        _inside(args[0]).copy_(_inside(args[1]))
        return args[0]
    if name == "aten::_to_copy":
        moved = operation(_inside(args[0]), **tree_map(_inside, kwargs))
        target = kwargs.get("device", args[0].device)
        return moved if torch.device(target).type != NAME else _outside(moved, {})
    strangers = [tensor for tensor in tensors if not isinstance(tensor, _Tensor) and tensor.ndim > 0]
    if strangers and ours and name not in _MAY_MEET:
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but found at least two devices, {NAME}:0 and "
            f"{strangers[0].device}! (in {name})"
        )
    if name == "aten::_conj":  # torch's mark for a conjugate to be computed later is lost on what a tensor holds
        operation = torch.ops.aten.conj_physical.default
    result = operation(*tree_map(_inside, args), **tree_map(_inside, kwargs))
    return tree_map(lambda leaf: _outside(leaf, ours), result)


def _is_tensor(leaf: Any) -> bool:
    return isinstance(leaf, torch.Tensor)


class _Module:
    """What torch asks a device's module."""

    is_initialized = is_available = staticmethod(lambda: True)
    _is_in_bad_fork = staticmethod(lambda: False)
    current_device = staticmethod(lambda: 0)
    device_count = staticmethod(lambda: 1)
    manual_seed_all = staticmethod(lambda _: None)
    get_amp_supported_dtype = staticmethod(lambda: [torch.bfloat16])


_LIBRARY = torch.library.Library("_", "IMPL")

"""Mean squares of fields that are sums of modes, without the fields themselves."""

import torch
from torch import Tensor

from emfm.core.channels import E_CHANNELS, H_CHANNELS
from emfm.model.field_model import in_float32
from emfm.model.search.modes import FieldModes


class MeanSquares:
    """The mean squares of E and of H over their channels and points, each channel's times its weight."""

    def __init__(self, modes: FieldModes, channel_weights: Tensor) -> None:
        self._modes, self._channel_weights = modes, channel_weights
        self._known: dict[object, tuple[Tensor, Tensor]] = {}

    def of(self, coefficients: Tensor) -> tuple[Tensor, Tensor]:
        """Of modal coefficients ``(n, modes)``: ``(n,)`` each."""
        of_e, of_h = self._current_forms()
        rows = torch.view_as_real(coefficients).flatten(1)
        with in_float32(rows):
            return ((rows @ of_e) * rows).sum(1), ((rows @ of_h) * rows).sum(1)

    def _current_forms(self) -> tuple[Tensor, Tensor]:
        """The quadratic forms, computed anew when the modes have changed."""
        modes = self._modes.modes
        key = (modes._version, modes.device)
        if key not in self._known:
            self._known.clear()
            forms = self._modes.channel_forms() * self._channel_weights.to(modes.device)[:, None, None]
            self._known[key] = forms[E_CHANNELS].mean(0), forms[H_CHANNELS].mean(0)
        return self._known[key]

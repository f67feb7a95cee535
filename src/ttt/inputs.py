"""What the commands that predict from files share: inputs that are refused while the rest is done, safe results."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ttt.config import UserError


class InputsRefusedError(UserError):
    """Some inputs of a folder cannot be used; the others are done."""

    def __init__(self, sentences: Sequence[str], of: int, hint: str = "") -> None:
        count = f"{len(sentences)} of {of} inputs {'was' if len(sentences) == 1 else 'were'} refused"
        rest = "; the others are predicted" if len(sentences) < of else ""
        super().__init__("\n  ".join([f"{count}{rest}:", *sentences, *([hint] if hint else [])]))


class Refusals:
    """The inputs that were refused so far: in a folder they are kept until the rest is done, a single one ends all."""

    def __init__(self, folder: bool) -> None:
        self._folder = folder
        self._sentences: list[str] = []

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep what the block raises as UserError, if there are other inputs to go on with."""
        try:
            yield
        except UserError as error:
            if not self._folder:
                raise
            self._sentences.append(str(error))

    def raise_any(self, of: int, hint: str = "") -> None:
        """Raise InputsRefusedError where any of so many inputs was refused."""
        if self._sentences:
            raise InputsRefusedError(self._sentences, of, hint)


def refuse_place(source: Path, out: Path, results: Mapping[Path, Iterable[Path]]) -> None:
    """Raise UserError where the results of inputs would replace inputs or each other, or lie among inputs.

    Args:
        source: a file, or a folder of inputs.
        out: where results go: a file, or a folder.
        results: the files that each input's results are written to.
    """
    if source.is_dir():
        if out.exists() and not out.is_dir():
            raise UserError(f"--out: found '{out}', a file; the results of a folder go to a folder")
        if out.resolve() == source.resolve():
            raise UserError(
                f"--out: found '{out}', the folder of the inputs, where the next call would take the results for "
                "inputs; name another folder"
            )
    inputs = {path.resolve(): path for path in results}
    taken: dict[Path, Path] = {}
    for path, files in results.items():
        for file in files:
            place = file.resolve()
            if file.is_dir():
                raise UserError(f"--out: {file} is a folder; a result goes to a file")
            if place in inputs:
                raise UserError(f"--out: the result of {path} would replace the input {inputs[place]}; name another")
            if taken.setdefault(place, path) != path:
                raise UserError(f"{path}: its result would replace that of {taken[place]}, {file}; rename one of them")

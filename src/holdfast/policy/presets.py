"""Policies that come with Holdfast, and finding a policy by name or path."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from holdfast.core.errors import InputError, did_you_mean
from holdfast.policy.rules import Policy, parse_policy

PRESETS = ("baseline", "regulated", "research")
LARGEST_POLICY = 1 << 20


def preset(name: str) -> Policy:
    """Return one of the policies that come with Holdfast.

    Raises
    ------
    InputError
        When there is none of this name.
    """
    if name not in PRESETS:
        raise InputError(f"there is no policy preset {name!r}", hint=did_you_mean(name, PRESETS))
    file = resources.files("holdfast.policy").joinpath("presets", f"{name}.yaml")
    return parse_policy(file.read_text(encoding="utf-8"), source=f"the preset {name!r}")


def load_policy(name_or_path: str | Path) -> Policy:
    """Return a preset by its name, or read a policy from a file.

    Raises
    ------
    InputError
        When there is neither, or the file is no valid policy.
    """
    if isinstance(name_or_path, str) and name_or_path in PRESETS:
        return preset(name_or_path)
    path = Path(name_or_path).expanduser()
    if path.exists() and not path.is_file():
        raise InputError(f"the policy {path} cannot be read: it is a folder, pipe or device, not a file")
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_POLICY + 1)
    except FileNotFoundError:
        hint = did_you_mean(str(name_or_path), PRESETS)
        raise InputError(f"expected a policy preset or file, got {str(name_or_path)!r}", hint=hint) from None
    except OSError as error:
        raise InputError(f"the policy {path} cannot be read: {error.strerror}") from None
    if len(content) > LARGEST_POLICY:
        raise InputError(f"expected a policy of at most {LARGEST_POLICY} bytes, {path} is longer")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"expected UTF-8 text in {path}, got other bytes at position {error.start}") from None
    return parse_policy(text, source=str(path))

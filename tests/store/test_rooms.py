"""Packages of the store that are known by what is in their rooms."""

from __future__ import annotations

from types import ModuleType

import pytest

from listener.store import acts, inbox


@pytest.mark.parametrize("package", [acts, inbox])
def test_all_that_a_package_promises_is_in_one_of_its_rooms(package: ModuleType) -> None:
    for name in package.__all__:
        assert getattr(package, name) is not None, name
    with pytest.raises(AttributeError, match=rf"{package.__name__}.*'cellar'"):
        _ = package.cellar

"""The import contract of our own: whatever is not the standard library is refused."""

from __future__ import annotations

import pytest
from grimp import ImportGraph

from extra.import_contracts import Breach, StandardLibraryContract


def checked(*imports: str, refused: tuple[str, ...] = ()) -> list[Breach]:
    graph = ImportGraph()
    graph.add_module("house.domain")
    graph.add_module("house.domain.clock")
    for imported in imports:
        graph.add_import(
            importer="house.domain.clock",
            imported=imported,
            line_number=3,
            line_contents=f"import {imported}",
        )
    contract = StandardLibraryContract(
        name="the domain is pure",
        session_options={"root_packages": ["house"]},
        contract_options={"source": "house.domain", "refused": list(refused)},
    )
    return list(contract.check(graph, verbose=False).metadata["breaches"])


def test_the_standard_library_and_the_own_project_are_allowed():
    assert checked("datetime", "house.ports", "house.domain") == []


@pytest.mark.parametrize("library", ["sqlalchemy", "a_library_nobody_thought_of"])
def test_any_other_library_is_refused(library):
    assert checked(library) == [Breach("house.domain.clock", library, 3)]


def test_a_refused_part_of_the_standard_library_is_refused():
    assert checked("datetime", "time", refused=("time",)) == [
        Breach("house.domain.clock", "time", 3)
    ]

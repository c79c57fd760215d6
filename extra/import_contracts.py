"""Import contracts of our own, for import-linter.

They hold what no list of forbidden names can: whatever is not allowed is refused, so that a
library nobody thought of is refused too.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from importlinter import Contract, ContractCheck, fields, output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grimp import ImportGraph


@dataclass(frozen=True, slots=True)
class Breach:
    """One import that the contract refuses."""

    importer: str
    imported: str
    line: int | None

    def __str__(self) -> str:
        return f"{self.importer} -> {self.imported} (l.{self.line})"


class StandardLibraryContract(Contract):
    """A package may import itself, its own project, and the standard library.

    `source` names the package; `refused` the standard modules it may not import even so.
    Which parts of its own project it may import is for a layers contract to say.
    """

    type_name = "standard_library"

    source = fields.ModuleField()
    refused = fields.SetField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """List every import that leaves the project for something not allowed."""
        # Fields are declared as descriptions and hold values once the contract is built.
        source = cast("Any", self.source).name
        refused = frozenset(cast("set[str] | None", self.refused) or ())
        own = {source, *graph.find_descendants(source)}
        breaches = sorted(_breaches(graph, own, refused), key=str)
        return ContractCheck(kept=not breaches, metadata={"breaches": breaches})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print one line for each refused import."""
        for breach in check.metadata["breaches"]:
            output.print_error(f"- {breach}", bold=False)
        output.new_line()


def _breaches(graph: ImportGraph, own: set[str], refused: frozenset[str]) -> Iterator[Breach]:
    for importer in own:
        for imported in graph.find_modules_directly_imported_by(importer):
            outside = imported.partition(".")[0]
            if outside == importer.partition(".")[0]:
                continue
            if outside in sys.stdlib_module_names and outside not in refused:
                continue
            details = graph.get_import_details(importer=importer, imported=imported)
            yield Breach(importer, imported, details[0]["line_number"] if details else None)

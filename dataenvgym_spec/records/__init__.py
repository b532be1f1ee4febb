"""What flows between stages, typed, and the one reader and writer of its JSON.

What a stage is, and how stages are connected, is in `graph`.
"""

from dataenvgym_spec.records.evaluations import Choice, Result, Stopped
from dataenvgym_spec.records.examples import Example, Notes, Provenance, Rejected
from dataenvgym_spec.records.experiment import (
    Copies,
    Copy,
    Index,
    IndexedStage,
    Question,
    StageUse,
)
from dataenvgym_spec.records.files import (
    Row,
    damaged,
    json_text,
    parse_json,
    read,
    read_all,
    read_json,
    read_table,
    write_json,
    write_rows,
    write_table,
)
from dataenvgym_spec.records.items import Item, in_lane, item_id
from dataenvgym_spec.records.logs import Log, LossPoint
from dataenvgym_spec.records.plans import Plan, Request, ShownError, SkillMap, Step, Yield
from dataenvgym_spec.records.record import Record
from dataenvgym_spec.records.splits import Kept, Reserve

__all__ = [
    "Choice",
    "Copies",
    "Copy",
    "Example",
    "Index",
    "IndexedStage",
    "Item",
    "Kept",
    "Log",
    "LossPoint",
    "Notes",
    "Plan",
    "Provenance",
    "Question",
    "Record",
    "Rejected",
    "Request",
    "Reserve",
    "Result",
    "Row",
    "ShownError",
    "SkillMap",
    "StageUse",
    "Step",
    "Stopped",
    "Yield",
    "damaged",
    "in_lane",
    "item_id",
    "json_text",
    "parse_json",
    "read",
    "read_all",
    "read_json",
    "read_table",
    "write_json",
    "write_rows",
    "write_table",
]

"""Between spec and pipeline: stages, their kinds, parameters, components, keys and promises.

How specs become a graph is in `compile`; how it becomes files, in `emit`.
"""

from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.ir import Entry, Graph, Input, Stage, Use
from dataenvgym_spec.graph.keys import identity, key_of
from dataenvgym_spec.graph.kind import Role
from dataenvgym_spec.graph.kinds import HASHES, KINDS, SPLITS
from dataenvgym_spec.graph.parameters import Params
from dataenvgym_spec.graph.params import (
    CheckParams,
    DataParams,
    EvaluateParams,
    GateParams,
    GenerateParams,
    Lane,
    PlanParams,
    ReserveParams,
    SelectParams,
    StudentParams,
    TrainParams,
)
from dataenvgym_spec.graph.promises import promise
from dataenvgym_spec.graph.skill_params import SkillsParams

__all__ = [
    "HASHES",
    "KINDS",
    "SPLITS",
    "CheckParams",
    "Component",
    "DataParams",
    "Entry",
    "EvaluateParams",
    "GateParams",
    "GenerateParams",
    "Graph",
    "Input",
    "Lane",
    "Params",
    "PlanParams",
    "ReserveParams",
    "Role",
    "SelectParams",
    "SkillsParams",
    "Stage",
    "StudentParams",
    "TrainParams",
    "Use",
    "identity",
    "key_of",
    "promise",
]

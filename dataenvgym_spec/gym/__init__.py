"""What a spec can name, and the one place that a component of another package imports from.

A component is a class and, beside its module, a JSON file that declares its options. Its slot says
which protocol it satisfies: `Environment`, `Policy`, `Proposer`, `Engine`, `Painter`, `Teacher`,
`Check`, `Discovery`, `Source`, `Scorer`, `Model`, `Adapter`, `Trainer`, `Backend` or `Sandbox`.
What a component is handed and gives back is here as well. Nothing is imported before it is asked
for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from dataenvgym_spec.core.errors import MissingExtra, StageError, UserError
    from dataenvgym_spec.core.hashing import seed_from
    from dataenvgym_spec.gym.checks.protocol import Answers, Check, Sight
    from dataenvgym_spec.gym.engines.procedural import ProceduralEngine
    from dataenvgym_spec.gym.engines.protocol import Engine
    from dataenvgym_spec.gym.environments.protocol import (
        Action,
        Environment,
        Seen,
        SkillScore,
        State,
    )
    from dataenvgym_spec.gym.environments.skill_list import Allocation, SkillListState
    from dataenvgym_spec.gym.environments.skill_tree import SkillTreeAction, SkillTreeState
    from dataenvgym_spec.gym.painters.protocol import OnService, Painter, Shelf
    from dataenvgym_spec.gym.policies.protocol import Policy
    from dataenvgym_spec.gym.prompt import Image, Message, Prompt, TextTemplate
    from dataenvgym_spec.gym.proposers.protocol import Proposer, Wanted
    from dataenvgym_spec.gym.sandboxes.protocol import (
        Call,
        Ending,
        Judgement,
        Program,
        Sandbox,
        SandboxLimits,
        SandboxOutcome,
    )
    from dataenvgym_spec.gym.sharing import share_out
    from dataenvgym_spec.gym.skills.protocol import Discovered, Discovery
    from dataenvgym_spec.gym.students.adapters.protocol import Adapter
    from dataenvgym_spec.gym.students.backends.protocol import (
        Backend,
        Completion,
        GenerationSettings,
    )
    from dataenvgym_spec.gym.students.codec import Codec, Encoder
    from dataenvgym_spec.gym.students.models.protocol import (
        Existing,
        Found,
        Model,
        ModelTools,
        Pretraining,
        Training,
    )
    from dataenvgym_spec.gym.students.pretrained import read_model, read_tokenizer
    from dataenvgym_spec.gym.students.trainers.protocol import (
        Job,
        Trainer,
        TrainingExample,
        TrainingFacts,
        TrainingLength,
        TrainingSettings,
    )
    from dataenvgym_spec.gym.tasks.media import Images
    from dataenvgym_spec.gym.tasks.protocol import Answer, Score, Scorer, Source, SourceWithVariants
    from dataenvgym_spec.gym.tasks.sources.table import Table
    from dataenvgym_spec.gym.teachers.procedural import ProceduralTeacher
    from dataenvgym_spec.gym.teachers.protocol import Ask, Reply, Teacher
    from dataenvgym_spec.gym.tools import Tools
    from dataenvgym_spec.records.evaluations import Result
    from dataenvgym_spec.records.examples import Example
    from dataenvgym_spec.records.files import read_all, write_json, write_rows
    from dataenvgym_spec.records.items import Item, item_id, question_id
    from dataenvgym_spec.records.logs import LossPoint
    from dataenvgym_spec.records.media import Picture
    from dataenvgym_spec.records.plans import Plan, Request, ShownError, Step, Yield
    from dataenvgym_spec.records.record import Record
    from dataenvgym_spec.records.skills import Exploit, Explore, SkillTree, Subskill
    from dataenvgym_spec.records.splits import Reserve
    from dataenvgym_spec.records.turns import ToolSchema, Turn

__all__ = [
    "Action",
    "Adapter",
    "Allocation",
    "Answer",
    "Answers",
    "Ask",
    "Backend",
    "Call",
    "Check",
    "Codec",
    "Completion",
    "Discovered",
    "Discovery",
    "Encoder",
    "Ending",
    "Engine",
    "Environment",
    "Example",
    "Existing",
    "Exploit",
    "Explore",
    "Found",
    "GenerationSettings",
    "Image",
    "Images",
    "Item",
    "Job",
    "Judgement",
    "LossPoint",
    "Message",
    "MissingExtra",
    "Model",
    "ModelTools",
    "OnService",
    "Painter",
    "Picture",
    "Plan",
    "Policy",
    "Pretraining",
    "ProceduralEngine",
    "ProceduralTeacher",
    "Program",
    "Prompt",
    "Proposer",
    "Record",
    "Reply",
    "Request",
    "Reserve",
    "Result",
    "Sandbox",
    "SandboxLimits",
    "SandboxOutcome",
    "Score",
    "Scorer",
    "Seen",
    "Shelf",
    "ShownError",
    "Sight",
    "SkillListState",
    "SkillScore",
    "SkillTree",
    "SkillTreeAction",
    "SkillTreeState",
    "Source",
    "SourceWithVariants",
    "StageError",
    "State",
    "Step",
    "Subskill",
    "Table",
    "Teacher",
    "TextTemplate",
    "ToolSchema",
    "Tools",
    "Trainer",
    "Training",
    "TrainingExample",
    "TrainingFacts",
    "TrainingLength",
    "TrainingSettings",
    "Turn",
    "UserError",
    "Wanted",
    "Yield",
    "item_id",
    "question_id",
    "read_all",
    "read_model",
    "read_tokenizer",
    "seed_from",
    "share_out",
    "write_json",
    "write_rows",
]

_PLACES: Final = {
    "Action": "gym.environments.protocol:Action",
    "Adapter": "gym.students.adapters.protocol:Adapter",
    "Allocation": "gym.environments.skill_list:Allocation",
    "Answer": "gym.tasks.protocol:Answer",
    "Answers": "gym.checks.protocol:Answers",
    "Ask": "gym.teachers.protocol:Ask",
    "Backend": "gym.students.backends.protocol:Backend",
    "Call": "gym.sandboxes.protocol:Call",
    "Check": "gym.checks.protocol:Check",
    "Codec": "gym.students.codec:Codec",
    "Completion": "gym.students.backends.protocol:Completion",
    "Discovered": "gym.skills.protocol:Discovered",
    "Discovery": "gym.skills.protocol:Discovery",
    "Encoder": "gym.students.codec:Encoder",
    "Ending": "gym.sandboxes.protocol:Ending",
    "Engine": "gym.engines.protocol:Engine",
    "Environment": "gym.environments.protocol:Environment",
    "Example": "records.examples:Example",
    "Existing": "gym.students.models.protocol:Existing",
    "Exploit": "records.skills:Exploit",
    "Explore": "records.skills:Explore",
    "Found": "gym.students.models.protocol:Found",
    "GenerationSettings": "gym.students.backends.protocol:GenerationSettings",
    "Images": "gym.tasks.media:Images",
    "Image": "gym.prompt:Image",
    "Item": "records.items:Item",
    "Job": "gym.students.trainers.protocol:Job",
    "Judgement": "gym.sandboxes.protocol:Judgement",
    "LossPoint": "records.logs:LossPoint",
    "Message": "gym.prompt:Message",
    "MissingExtra": "core.errors:MissingExtra",
    "Model": "gym.students.models.protocol:Model",
    "ModelTools": "gym.students.models.protocol:ModelTools",
    "OnService": "gym.painters.protocol:OnService",
    "Painter": "gym.painters.protocol:Painter",
    "Picture": "records.media:Picture",
    "Plan": "records.plans:Plan",
    "Policy": "gym.policies.protocol:Policy",
    "Pretraining": "gym.students.models.protocol:Pretraining",
    "ProceduralEngine": "gym.engines.procedural:ProceduralEngine",
    "ProceduralTeacher": "gym.teachers.procedural:ProceduralTeacher",
    "Program": "gym.sandboxes.protocol:Program",
    "Prompt": "gym.prompt:Prompt",
    "Proposer": "gym.proposers.protocol:Proposer",
    "Record": "records.record:Record",
    "Reply": "gym.teachers.protocol:Reply",
    "Request": "records.plans:Request",
    "Reserve": "records.splits:Reserve",
    "Result": "records.evaluations:Result",
    "Sandbox": "gym.sandboxes.protocol:Sandbox",
    "SandboxLimits": "gym.sandboxes.protocol:SandboxLimits",
    "SandboxOutcome": "gym.sandboxes.protocol:SandboxOutcome",
    "Score": "gym.tasks.protocol:Score",
    "Scorer": "gym.tasks.protocol:Scorer",
    "Seen": "gym.environments.protocol:Seen",
    "Shelf": "gym.painters.protocol:Shelf",
    "ShownError": "records.plans:ShownError",
    "Sight": "gym.checks.protocol:Sight",
    "SkillListState": "gym.environments.skill_list:SkillListState",
    "SkillScore": "gym.environments.protocol:SkillScore",
    "SkillTree": "records.skills:SkillTree",
    "SkillTreeAction": "gym.environments.skill_tree:SkillTreeAction",
    "SkillTreeState": "gym.environments.skill_tree:SkillTreeState",
    "Source": "gym.tasks.protocol:Source",
    "SourceWithVariants": "gym.tasks.protocol:SourceWithVariants",
    "StageError": "core.errors:StageError",
    "State": "gym.environments.protocol:State",
    "Step": "records.plans:Step",
    "Subskill": "records.skills:Subskill",
    "Table": "gym.tasks.sources.table:Table",
    "Teacher": "gym.teachers.protocol:Teacher",
    "TextTemplate": "gym.prompt:TextTemplate",
    "ToolSchema": "records.turns:ToolSchema",
    "Tools": "gym.tools:Tools",
    "Trainer": "gym.students.trainers.protocol:Trainer",
    "Training": "gym.students.models.protocol:Training",
    "TrainingExample": "gym.students.trainers.protocol:TrainingExample",
    "TrainingFacts": "gym.students.trainers.protocol:TrainingFacts",
    "TrainingLength": "gym.students.trainers.protocol:TrainingLength",
    "TrainingSettings": "gym.students.trainers.protocol:TrainingSettings",
    "Turn": "records.turns:Turn",
    "UserError": "core.errors:UserError",
    "Wanted": "gym.proposers.protocol:Wanted",
    "Yield": "records.plans:Yield",
    "item_id": "records.items:item_id",
    "question_id": "records.items:question_id",
    "read_all": "records.files:read_all",
    "read_model": "gym.students.pretrained:read_model",
    "read_tokenizer": "gym.students.pretrained:read_tokenizer",
    "seed_from": "core.hashing:seed_from",
    "share_out": "gym.sharing:share_out",
    "write_json": "records.files:write_json",
    "write_rows": "records.files:write_rows",
}
"""Where each name is defined, below this package's parent."""


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _PLACES[name].partition(":")
    return getattr(importlib.import_module(f"dataenvgym_spec.{module}"), attribute)


def __dir__() -> list[str]:
    return __all__

"""JSON Schema of every document that crosses a process boundary, for other languages and for editors."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from contracts.dataset import DatasetManifest, VersionDescription
from contracts.errors import NotFoundError, nearest
from contracts.explanation import Explanation, ExplanationOrder
from contracts.frame import FrameRecord, FrameSidecar
from contracts.frame_spec import FrameSpec
from contracts.generator import Generator
from contracts.import_report import ImportReport
from contracts.job import Job, RenderBatchRequest
from contracts.label_map import LabelMap
from contracts.lock import DatasetsLock, LockCheck
from contracts.mix import DataPlan, Mix, MixDescription
from contracts.model import ModelExport, ModelExportOrder, PredictionOrder, Predictions
from contracts.player_protocol import PLAYER_MESSAGE, RenderRequest
from contracts.run import RunResult, TrainingOrder, TrainingSpec
from contracts.shard import ShardOrder, ShardReport
from contracts.study import Study
from contracts.study_table import StudyTable

DOCUMENTS: dict[str, type[BaseModel] | TypeAdapter[Any]] = {
    "data-plan": DataPlan,
    "dataset-manifest": DatasetManifest,
    "dataset-version": VersionDescription,
    "datasets-lock": DatasetsLock,
    "explanation": Explanation,
    "explanation-order": ExplanationOrder,
    "frame-record": FrameRecord,
    "frame-sidecar": FrameSidecar,
    "frame-spec": FrameSpec,
    "generator": Generator,
    "import-report": ImportReport,
    "job": Job,
    "label-map": LabelMap,
    "lock-check": LockCheck,
    "mix": Mix,
    "mix-description": MixDescription,
    "model-export": ModelExport,
    "model-export-order": ModelExportOrder,
    "player-message": PLAYER_MESSAGE,
    "player-request": RenderRequest,
    "prediction-order": PredictionOrder,
    "predictions": Predictions,
    "render-batch-request": RenderBatchRequest,
    "run-result": RunResult,
    "shard-order": ShardOrder,
    "shard-report": ShardReport,
    "study": Study,
    "study-table": StudyTable,
    "training-order": TrainingOrder,
    "training-run": TrainingSpec,
}
"""Document name to model; the name is the exported file's."""


class _StrictKeys(GenerateJsonSchema):
    """Where keys must have a form, others are refused: pydantic refuses them and leaves that out of the schema."""

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        described = super().dict_schema(schema)
        return {**described, "additionalProperties": False} if "patternProperties" in described else described


def export(document: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a document.

    Raises:
        NotFoundError: There is no document of that name.
    """
    model = DOCUMENTS.get(document)
    if model is None:
        raise NotFoundError(f"no document '{document}'", hint=nearest(document, DOCUMENTS))
    if isinstance(model, TypeAdapter):
        schema = model.json_schema(schema_generator=_StrictKeys)
    else:
        schema = model.model_json_schema(schema_generator=_StrictKeys)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def export_text(document: str) -> str:
    """The schema as it lies in a file: sorted, indented, one line feed at the end."""
    return json.dumps(export(document), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

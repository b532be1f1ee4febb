"""A bare loop of gradient descent."""

from pathlib import Path

import torch

from dataenvgym_spec.gym import (
    Job,
    LossPoint,
    TrainingExample,
    TrainingFacts,
    read_all,
    read_model,
    read_tokenizer,
    write_json,
    write_rows,
)


class Drill:
    """Takes a few steps, each on one example."""

    def __init__(self, *, momentum: float) -> None:
        self.momentum = momentum

    def train(self, job: Job) -> None:
        """Trains as the job says."""
        torch.manual_seed(job.seed)
        tokenizer = read_tokenizer(job.base)
        model = read_model(job.base, dtype=torch.float32)
        if job.adapter is not None:
            model = job.adapter.adapt(model)
        weights = [part for part in model.parameters() if part.requires_grad]
        optimizer = torch.optim.SGD(weights, lr=job.settings.learning_rate, momentum=self.momentum)
        rows = read_all(job.examples, TrainingExample)
        steps, curve = job.settings.length.steps or 1, []
        for step in range(1, steps + 1):
            row = rows[step % len(rows)]
            assert all(Path(image.path or "").is_file() for image in row.prompt.pictures)
            assert row.prompt.pictures
            ids = tokenizer(row.prompt.text + row.completion, return_tensors="pt").input_ids
            loss = model(input_ids=ids, labels=ids).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            curve.append(LossPoint(step=step, loss=float(loss)))
        model.save_pretrained(job.out)
        tokenizer.save_pretrained(job.out)
        write_rows(job.loss, curve)
        facts = TrainingFacts(
            examples=len(rows), steps=steps, device="by hand", precision="float32"
        )
        write_json(job.facts, facts)

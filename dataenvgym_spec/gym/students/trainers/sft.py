"""The trainer: supervised fine-tuning on the response, by transformers' Trainer. Started by `trainer`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.trainer_callback import PrinterCallback
from transformers.utils.logging import disable_progress_bar

from dataenvgym_spec.gym.students.threads import settle

Encoded = dict[str, list[int]]

DONE = "complete"
IGNORED = -100


class Responses(torch.utils.data.Dataset[Encoded]):
    """Token ids of prompt and completion; the prompt carries no loss."""

    def __init__(self, rows: list[dict[str, str]], tokenizer: Any, max_length: int) -> None:
        self.rows = [self._encode(row, tokenizer, max_length) for row in rows]

    @staticmethod
    def _encode(row: dict[str, str], tokenizer: Any, max_length: int) -> Encoded:
        prompt = tokenizer(row["prompt"]).input_ids
        answer = [
            *tokenizer(row["completion"], add_special_tokens=False).input_ids,
            tokenizer.eos_token_id,
        ]
        ids = (prompt + answer)[:max_length]
        return {"input_ids": ids, "labels": ([IGNORED] * len(prompt) + answer)[:max_length]}

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Encoded:
        return self.rows[index]


class Collator:
    """Pads a batch on the right to its longest example."""

    def __init__(self, pad: int) -> None:
        self.pad = pad

    def __call__(self, rows: list[Encoded]) -> dict[str, torch.Tensor]:
        """Returns `input_ids`, `attention_mask` and `labels`, each of shape (examples, longest)."""
        longest = max(len(row["input_ids"]) for row in rows)
        ids = [row["input_ids"] + [self.pad] * (longest - len(row["input_ids"])) for row in rows]
        mask = [
            [1] * len(row["input_ids"]) + [0] * (longest - len(row["input_ids"])) for row in rows
        ]
        labels = [row["labels"] + [IGNORED] * (longest - len(row["labels"])) for row in rows]
        return {
            "input_ids": torch.tensor(ids),
            "attention_mask": torch.tensor(mask),
            "labels": torch.tensor(labels),
        }


class Watch(TrainerCallback):  # type: ignore[misc]  # transformers is skipped by the type checker
    """Prints progress, writes the loss curve, and asks for a checkpoint every so many seconds."""

    def __init__(self, loss: Path, checkpoint_seconds: float) -> None:
        self.loss, self.every = loss, checkpoint_seconds
        self.saved = self.printed = self.start = time.monotonic()
        self.last = float("nan")

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Drops the part of an earlier attempt's curve that will be trained again."""
        rows = (
            self.loss.read_text(encoding="utf-8").splitlines()
            if self.loss.is_file() and state.global_step
            else []
        )
        kept = [row for row in rows if json.loads(row)["step"] <= state.global_step]
        self.loss.write_text("".join(f"{row}\n" for row in kept), encoding="utf-8")
        if state.global_step and state.is_world_process_zero:
            print(f"  going on from step {state.global_step}", flush=True)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Asks for a checkpoint when it is time."""
        if time.monotonic() - self.saved >= self.every and state.global_step < state.max_steps:
            self.saved = time.monotonic()
            control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Marks the checkpoint whole: one without the mark is the work of a killed process."""
        (Path(args.output_dir) / f"checkpoint-{state.global_step}" / DONE).touch()

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any
    ) -> None:
        """Appends to the loss curve."""
        if not state.is_world_process_zero or not logs or "loss" not in logs:
            return
        row = {
            "step": state.global_step,
            "loss": float(logs["loss"]),
            "learning_rate": float(logs["learning_rate"]),
        }
        with self.loss.open("a", encoding="utf-8") as handle:
            handle.write(
                json.dumps({**row, "seconds": round(time.monotonic() - self.start, 3)}) + "\n"
            )
        self.last = row["loss"]
        if time.monotonic() - self.printed > 4:
            self._tell(state)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Prints where it ended."""
        if state.is_world_process_zero:
            self._tell(state)

    def _tell(self, state: Any) -> None:
        self.printed = time.monotonic()
        print(f"  step {state.global_step}/{state.max_steps}, loss {self.last:.3f}", flush=True)


def main(config: dict[str, Any]) -> None:
    """Trains as configured and writes the student: an adapter, or a whole model with its tokenizer."""
    disable_progress_bar()
    train = config["train"]
    torch.manual_seed(config["seed"])
    tokenizer = AutoTokenizer.from_pretrained(config["base"])
    model = AutoModelForCausalLM.from_pretrained(
        config["base"], dtype=getattr(torch, train["dtype"])
    )
    if train.get("adapter"):
        model = adapted(model, train["adapter"])
    settle(model)
    rows = [
        json.loads(line)
        for line in Path(config["examples"]).read_text(encoding="utf-8").split("\n")
        if line
    ]
    dataset = Responses(rows, tokenizer, train["max_length"])
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    watch = Watch(Path(config["loss"]), config["checkpoint_seconds"])
    trainer = Trainer(
        model=model,
        args=arguments(config),
        train_dataset=dataset,
        data_collator=Collator(pad),
        callbacks=[watch],
    )
    trainer.remove_callback(PrinterCallback)
    started = time.monotonic()
    result = trainer.train(resume_from_checkpoint=last_checkpoint(Path(config["checkpoints"])))
    seconds = time.monotonic() - started
    if trainer.accelerator.is_main_process:
        trainer.accelerator.unwrap_model(model).save_pretrained(config["out"])
        tokenizer.save_pretrained(config["out"])
        tokens = sum(len(row["input_ids"]) for row in dataset.rows) * trainer.state.epoch
        facts = {
            "examples": len(rows), "steps": result.global_step, "tokens": {"trained": int(tokens)},
            "device": str(trainer.args.device.type), "precision": train["dtype"], "training_seconds": round(seconds, 3),
        }  # fmt: skip
        Path(config["facts"]).write_text(json.dumps(facts), encoding="utf-8")


def adapted(model: Any, options: dict[str, Any]) -> Any:
    """The model with a fresh LoRA adapter on its linear layers."""
    from peft import LoraConfig, get_peft_model

    lora = LoraConfig(
        r=options["r"],
        lora_alpha=options["alpha"],
        lora_dropout=options["dropout"],
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, lora)


def arguments(config: dict[str, Any]) -> TrainingArguments:
    """The Trainer's arguments: what the spec says, and nothing that writes or reports elsewhere."""
    train = config["train"]
    length = train["length"]
    return TrainingArguments(
        output_dir=config["checkpoints"],
        max_steps=length.get("steps", -1),
        num_train_epochs=length.get("epochs", 1),
        per_device_train_batch_size=config["per_device_batch"],
        gradient_accumulation_steps=config["accumulation"],
        learning_rate=train["learning_rate"],
        lr_scheduler_type=train["schedule"]
        if train["schedule"] != "constant"
        else "constant_with_warmup",
        warmup_steps=train["warmup_ratio"],
        weight_decay=train["weight_decay"],
        max_grad_norm=train["max_grad_norm"],
        seed=config["seed"],
        data_seed=config["seed"],
        logging_steps=5,
        save_strategy="no",
        save_total_limit=2,
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        use_cpu=not torch.cuda.is_available(),
    )


def last_checkpoint(folder: Path) -> str | None:
    """The latest whole checkpoint of an earlier attempt."""
    whole = [path.parent for path in folder.glob(f"checkpoint-*/{DONE}")]
    return str(max(whole, key=lambda path: int(path.name.rpartition("-")[2]))) if whole else None

"""A store that is written file by file as the executors write it, for what reports on it; nothing is trained."""

from dataenvgym_spec.core.hashing import text_digest
from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.files import write_json, write_rows
from dataenvgym_spec.records.media import Picture
from dataenvgym_spec.store.layout import Layout

HOSTILE = (
    "<script>alert(1)</script> ${HOME} {{ 7 * 7 }} \"'><img src=x> \u202e http://evil.example/x"
)
SKILLS = ("gcd", "$x^2$ <b>", "_sum")
ARMS = ("with-state", "no-state")
ITERATIONS = 3


class Store:
    """Writes an experiment's index and stages."""

    def __init__(self, root, seeds=(0,), devices=("cpu",), right=None):
        (root / ".dvc").mkdir(parents=True)
        self.layout = Layout(root=root)
        self.seeds, self.devices, self.right = seeds, devices, right or self.learns
        self.stages = {}

    @staticmethod
    def learns(item, arm, seed, iteration):
        return (7 * item + 3 * seed) % 20 < 5 + 3 * iteration + (
            2 if arm == "with-state" and iteration else 0
        )

    def write(self):
        for arm in ARMS:
            for seed in self.seeds:
                self.run(arm, seed)
        settings = {
            arm: {
                "agent": {"observe": "nothing" if arm == "no-state" else {"scores": True}},
                "environment": "skill-list",
                "student": {"prompt": HOSTILE},
            }
            for arm in ARMS
        }
        contrast = {
            "arm": "with-state",
            "against": "no-state",
            "student": "best",
            "split": "test",
            "primary": True,
        }
        index = {
            "format": 1, "name": "tiny", "description": HOSTILE, "arms": list(ARMS), "seeds": list(self.seeds), "contrasts": [contrast],
            "iterations": dict.fromkeys(ARMS, ITERATIONS), "settings": settings, "inputs": {"specs/tiny.yaml": "ab" * 32}, "stages": list(self.stages.values()),
        }  # fmt: skip
        self.layout.experiments.mkdir()
        write_json(self.layout.index("tiny"), index)
        return self.layout

    def stage(self, kind, name, arm, seed, iteration, outs, **facts):
        """One stage; a name that is known is shared."""
        directory = f"{kind}-{name}"
        row = self.stages.setdefault(
            name, {"directory": directory, "key": name, "kind": kind, "inputs": [], "uses": []}
        )
        row["uses"].append(
            {
                "arm": arm,
                "seed": seed,
                "iteration": iteration,
                "label": f"{arm}, {kind} {iteration}",
            }
        )
        if len(row["uses"]) > 1:
            return
        for place, content in outs.items():
            path = self.layout.stage(directory) / "out" / place
            path.parent.mkdir(parents=True, exist_ok=True)
            (write_rows if path.suffix == ".jsonl" else write_json)(path, content)
        log = self.layout.stage(directory) / "log"
        log.mkdir(parents=True)
        device = (
            {"device": self.devices[len(self.stages) % len(self.devices)], "precision": "float32"}
            if kind in ("train", "evaluate")
            else {}
        )
        common = {
            "started": 1000.0,
            "seconds": {"total": 2.0, "imports": 0.5},
            "python": "3.11",
            "platform": "Linux x86_64",
            "versions": {"torch": "2.13.0"},
        }
        write_json(log / "run.json", {**common, **device, **facts})

    def scores(self, count, arm, seed, iteration, mark=False):
        rows = []
        for item in range(count):
            right = bool(self.right(item, arm, seed, iteration))
            row = {
                "id": f"{item:04x}", "group": SKILLS[item % 3], "input": HOSTILE, "target": "1", "prediction": HOSTILE,
                "score": float(right), "correct": right, "unparseable": False, "truncated": item == 0,
            }  # fmt: skip
            rows.append({"iteration": iteration, **row} if mark else row)
        return rows

    def run(self, arm, seed):
        tokens = {"tokens": {"prompt": 100, "generated": 10}}
        self.stage("student", "base", arm, seed, 0, {}, tokens={"trained": 50}, examples=5)
        for name, split, items in (("base-s", "selection", 30), ("base-t", "test", 60)):
            outs = {f"{split}/results.jsonl": self.scores(items, "", 0, 0)}
            self.stage("evaluate", name, arm, seed, 0, outs, **tokens, items=items, students=1)
        accuracy = []
        for number in range(1, ITERATIONS + 1):
            where = f"{arm}-{seed}-{number}"
            self.teach(arm, seed, number, where)
            self.stage(
                "train",
                f"t-{where}",
                arm,
                seed,
                number,
                {},
                tokens={"trained": 500},
                examples=6 * number,
            )
            rows = self.scores(30, arm, seed, number)
            accuracy.append(sum(row["correct"] for row in rows) / 30)
            self.stage(
                "evaluate",
                f"s-{where}",
                arm,
                seed,
                number,
                {"selection/results.jsonl": rows},
                **tokens,
                items=30,
                students=1,
            )
        best = 1 + accuracy.index(max(accuracy))
        choice = {"best": best, "last": ITERATIONS, "accuracy": accuracy}
        self.stage("select", f"c-{arm}-{seed}", arm, seed, None, {"choice/choice.json": choice})
        students = sorted({best, ITERATIONS})
        sealed = [
            row for number in students for row in self.scores(60, arm, seed, number, mark=True)
        ]
        self.stage(
            "evaluate",
            f"z-{arm}-{seed}",
            arm,
            seed,
            None,
            {"test/results.jsonl": sealed},
            **tokens,
            items=60,
            students=len(students),
        )

    def teach(self, arm, seed, number, where):
        def row(skill, count):
            source = {
                "iteration": number,
                "plan": "c0ffee00" * 8,
                "request": count,
                "round": 0,
                "teacher": "procedural",
            }
            fields = {
                "id": f"{skill}{count}",
                "input": HOSTILE,
                "target": "2",
                "group": skill,
                "cluster": "",
                "verifier": {},
                "metadata": {},
            }
            return {**fields, "skill": skill, "provenance": source}

        error = {"id": "1", "input": HOSTILE, "target": "3", "prediction": HOSTILE}
        allocation = dict(zip(SKILLS, (3, 2, 1), strict=True))
        plan = {
            "iteration": number,
            "allocation": allocation,
            "reasons": dict.fromkeys(SKILLS, HOSTILE),
            "errors": {"gcd": [error]},
        }
        accepted = [
            row(skill, count) for skill, amount in allocation.items() for count in range(amount)
        ]
        rejected = [{**row("gcd", 9), "check": "overlap", "reason": HOSTILE}]
        tally = {
            "gcd": {"accepted": 3, "overlap": 1, "surplus": 4},
            "$x^2$ <b>": {"accepted": 2},
            "_sum": {"accepted": 1},
        }
        self.stage("plan", f"p-{where}", arm, seed, number, {"plan/plan.json": plan})
        self.stage(
            "generate",
            f"g-{where}",
            arm,
            seed,
            number,
            {"candidates/examples.jsonl": accepted},
            candidates=11,
        )
        outs = {
            "accepted/examples.jsonl": accepted,
            "rejected/examples.jsonl": rejected,
            "rejected/tally.json": tally,
        }
        self.stage("check", f"k-{where}", arm, seed, number, outs, accepted=6)


def row(cluster: str, question: int, image: int, correct: bool, *, shown: bool = True) -> Result:
    """An answer to a question about an image, of a cluster of them."""
    picture = Picture(digest=text_digest(f"{cluster}{image}"), media="image/png", width=8, height=8)
    return Result(
        id=f"{cluster}-{question}-{image}", group="yes_no", input=f"{cluster}: is it {question}?", target="yes", prediction="yes",
        score=float(correct), correct=correct, unparseable=False, truncated=False, cluster=cluster, images=(picture,) if shown else (),
    )  # fmt: skip


def four(cluster: str, right: str) -> list[Result]:
    """The answers to two questions about two images: question 0 about both, then question 1."""
    places = [(question, image) for question in (0, 1) for image in (0, 1)]
    return [row(cluster, *place, mark == "x") for place, mark in zip(places, right, strict=True)]

"""What the tests of the formats share: files of rows, and one small row in each format."""

import json
import tempfile
from pathlib import Path

from creditlib import rollouts
from creditlib.vocabulary.messages import ContractError

USER = {"role": "user", "content": "7*8?"}
ANSWER = {"role": "assistant", "content": "56"}


def lines(*rows, name="x.jsonl"):
    """The rows as JSON Lines in a folder of their own."""
    path = Path(tempfile.mkdtemp()) / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def sentence(path, **options):
    """The refusal of a file without the file's name, '' if it is read."""
    try:
        rollouts.read(path, **options)
    except ContractError as error:
        return str(error).replace(str(path), "FILE")
    return ""


def turns_of(found, row=0):
    """(observation, text) of the turns of a trajectory."""
    return [
        (turn.get("observation"), turn.get("text")) for turn in found.trajectories[row]["turns"]
    ]


CHAT = {"task_id": 3, "reward": 1.0, "messages": [USER, ANSWER]}
NEMO = {
    "responses_create_params": {"input": [USER]},
    "response": {
        "output": [
            {
                "type": "function_call",
                "name": "multiply",
                "arguments": "7, 8",
                "generation_token_ids": [4, 5],
            },
            {"type": "function_call_output", "output": "56"},
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "56"}],
                "generation_token_ids": [6],
            },
        ]
    },
    "reward": 1.0,
    "_ng_task_index": 3,
    "_ng_rollout_index": 0,
}
RESULTS = {
    "metadata": {"env_id": "quiz"},
    "outputs": [
        {"example_id": 3, "prompt": [USER], "completion": [ANSWER], "reward": 1.0},
        {"example_id": 3, "prompt": [USER], "completion": [ANSWER], "reward": False},
    ],
}
EPISODE = {
    "task": {"type": "Quiz", "data": {"idx": 3}},
    "traces": [
        {
            "id": "t0",
            "agent": {"name": "agent", "trainable": True},
            "rewards": {"right": {"score": 1.0, "weight": 2.0}, "brief": {"score": 0.5}},
            "timing": {"agent": {"start": 100.0, "end": 109.0}},
            "nodes": [
                {"message": USER, "sampled": False, "timestamp": 103.0},
                {
                    "parent": 0,
                    "message": {
                        "role": "assistant",
                        "tool_calls": [{"id": "c", "name": "multiply", "arguments": "7, 8"}],
                    },
                    "sampled": True,
                    "timestamp": 103.0,
                    "token_ids": [1, 4, 5],
                    "mask": [False, True, True],
                },
                {
                    "parent": 1,
                    "message": {"role": "tool", "tool_call_id": "c", "content": "56"},
                    "sampled": False,
                    "timestamp": 108.0,
                },
                {
                    "parent": 2,
                    "message": ANSWER,
                    "sampled": True,
                    "timestamp": 108.0,
                    "token_ids": [2, 6],
                    "mask": [False, True],
                },
            ],
        }
    ],
}
TRAJECTORY = {
    "schema_version": "ATIF-v1.7",
    "session_id": "s",
    "agent": {"name": "calculator", "version": "1"},
    "steps": [
        {
            "step_id": 1,
            "source": "user",
            "message": "7*8?",
            "timestamp": "2026-01-01T00:00:00Z",
        },
        {
            "step_id": 2,
            "source": "agent",
            "message": "I multiply.",
            "timestamp": "2026-01-01T00:00:03Z",
            "tool_calls": [
                {"tool_call_id": "c", "function_name": "multiply", "arguments": {"a": 7, "b": 8}}
            ],
            "observation": {"results": [{"source_call_id": "c", "content": "56"}]},
            "metrics": {"completion_tokens": 2, "completion_token_ids": [4, 5]},
        },
        {
            "step_id": 3,
            "source": "agent",
            "message": "56",
            "timestamp": "2026-01-01T00:00:08.5Z",
            "metrics": {"completion_token_ids": [6]},
        },
    ],
}
GROUP = {
    "tokens": [[1, 2, 4, 5, 3, 6], [1, 2, 7]],
    "masks": [[-100, -100, 4, 5, -100, 6], [-100, -100, 7]],
    "scores": [1.0, 0.0],
    "messages": [
        [USER, {"role": "assistant", "content": "7*8 ="}, USER, {"role": "agent", "content": "56"}],
        [USER, {"role": "assistant", "content": "15"}],
    ],
}
LOG = {
    "version": 2,
    "eval": {"task": "quiz"},
    "samples": [
        {"id": "s", "epoch": 1, "messages": [USER, ANSWER], "scores": {"exact": {"value": "C"}}},
        {"id": "s", "epoch": 2, "messages": [USER, ANSWER], "scores": {"exact": {"value": "I"}}},
    ],
}

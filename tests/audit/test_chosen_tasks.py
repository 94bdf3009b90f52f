import pytest

from creditlib.audit.chosen_tasks import chosen_tasks
from creditlib.audit.tasks import TASKS, recovery
from creditlib.vocabulary.messages import ContractError

OWN = "creditlib.audit.tasks.recovery:recovery"


def test_names_paths_functions_and_tasks_are_tasks():
    task = recovery(distractors=1)
    for chosen in (["recovery"], [OWN], [recovery], [task]):
        assert [each.name for each in chosen_tasks(chosen)] == ["recovery"]
    assert chosen_tasks([task])[0] is task


def test_a_function_gives_its_task():
    try:
        assert chosen_tasks([recovery])[0].name == "recovery"
    except ContractError:
        pytest.fail("a function is no task")


def test_none_is_all_of_them_in_their_order():
    assert [task.name for task in chosen_tasks()] == list(TASKS)


@pytest.mark.parametrize(
    ("tasks", "sentence"),
    [
        (["recovry"], "(did you mean 'recovery'?)"),
        (["no_such_module:task"], "an import path that loads, got 'no_such_module:task'"),
        (["math:pi"], "got 'math:pi', which gives float"),
        (["math:floor"], "got 'math:floor' (TypeError: "),
        ([recovery, "recovery"], "two with the name 'recovery'"),
        ([], "at least one task, got none"),
    ],
)
def test_what_is_no_task_is_one_sentence(tasks, sentence):
    with pytest.raises(ContractError) as caught:
        chosen_tasks(tasks)
    assert str(caught.value).startswith("audit: `tasks` must be ")
    assert sentence in str(caught.value)

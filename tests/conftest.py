"""What every test file shares: repeatable random tests, and the sentence of a refusal."""

import pytest
from hypothesis import settings

from creditlib.contract import ContractError

# No deadline: nothing here measures time. Derandomised: a failure is the same everywhere.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")


@pytest.fixture
def refusal():
    """The whole sentence with which a call is refused."""

    def sentence(function, *args, **kwargs):
        with pytest.raises(ContractError) as caught:
            function(*args, **kwargs)
        return str(caught.value)

    return sentence

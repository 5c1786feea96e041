from __future__ import annotations

import pytest
from scipy import stats

from na64.outputs.statistics.binomial import binomial_error


@pytest.mark.parametrize(("selected", "simulated"), [(0, 10), (3, 10), (10, 10), (1, 4000), (3999, 4000)])
def test_the_error_is_that_of_the_posterior(selected: int, simulated: int) -> None:
    posterior = stats.beta(selected + 1, simulated - selected + 1)
    assert binomial_error(selected, simulated) == pytest.approx(posterior.std(), rel=1e-9, abs=0)

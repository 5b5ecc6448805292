"""Reference values for longhand_report::statistics, from scipy 1.17 and statsmodels 0.15: `python3 statistics.py > statistics.json`."""

import json

from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

COUNTS = [(0, 1), (1, 1), (0, 10), (10, 10), (9, 10), (4522, 5000), (4666, 5000), (5000, 5000), (0, 5000), (1, 100000)]
DISCORDANT = [(0, 0), (0, 1), (1, 0), (0, 5), (3, 3), (10, 25), (68, 211), (300, 310), (0, 2000), (1500, 1400)]

wilson = [[*c, *map(float, proportion_confint(*c, alpha=0.05, method="wilson"))] for c in COUNTS]
exact = []
for first, second in DISCORDANT:
    p = float(mcnemar([[0, first], [second, 0]], exact=True).pvalue) if first + second else 1.0
    if first + second:
        assert abs(p - binomtest(first, first + second).pvalue) < 1e-12 * max(p, 1e-300) + 1e-15
    exact.append([first, second, min(p, 1.0)])
print(json.dumps({"wilson": wilson, "mcnemar": exact}, indent=1))

"""Generation: token backends behind one protocol, sampling, constraints, ranking, answerers."""

import os

# NumPy's matrix library reads this once, when it is loaded. Threads of it that spin cost more than
# they bring beside other work; whoever wants more sets the variable.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

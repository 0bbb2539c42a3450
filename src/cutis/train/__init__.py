"""One trainer; objectives say what is learned. `cutis.train(...)` is `cutis.train.run.train`."""

from cutis.calls import callable_package

callable_package(__name__, "cutis.train.run", "train")

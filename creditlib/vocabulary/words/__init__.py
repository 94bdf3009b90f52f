"""The argument names of creditlib, each defined once.

An alias is four things: the type that a type checker sees, the shape contract that a call is
checked against, the sentence that `help()` prints, and the range that random inputs are drawn from.
The axes are `batch`, `turn` and `token`. A return alias also says what kind of thing a function is.

A new word stands in one of the files here, and in `arguments` if it is a tensor argument.
"""

from creditlib.vocabulary.words import options, results, tokens, trajectories, turns
from creditlib.vocabulary.words.arguments import ARGUMENTS
from creditlib.vocabulary.words.options import *
from creditlib.vocabulary.words.results import *
from creditlib.vocabulary.words.tokens import *
from creditlib.vocabulary.words.trajectories import *
from creditlib.vocabulary.words.turns import *

__all__ = ["ARGUMENTS"]
__all__ += options.__all__
__all__ += results.__all__
__all__ += tokens.__all__
__all__ += trajectories.__all__
__all__ += turns.__all__

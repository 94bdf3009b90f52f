"""What arguments mean: names, contracts, and the sentences of refusals.

`words` defines each argument name once, as an annotation. `annotations` reads them off a function,
`contract` checks a call against them, `breaks` declares the laws that a method breaks by design,
`messages` holds the sentences, `backends` says what can compute.
"""

from creditlib.vocabulary import words
from creditlib.vocabulary.argument_spec import ArgumentSpec
from creditlib.vocabulary.breaks import BrokenLaw, breaks, broken_laws_of
from creditlib.vocabulary.words import *

__all__ = ["ArgumentSpec", "BrokenLaw", "breaks", "broken_laws_of"]
__all__ += words.__all__

"""What can go wrong for a user, each error with the thing to do about it."""


class AlgorithmError(Exception):
    """A failure that the user can mend.

    `problem` says in one sentence which file is concerned and what is wrong with it, `fix` what to do.
    The entries (command line, container) print `str(error)`, always a single line, and exit.
    """

    def __init__(self, problem: str, fix: str) -> None:
        self.problem = " ".join(problem.split())
        self.fix = " ".join(fix.split())
        super().__init__(f"{self.problem} {self.fix}")


class InputError(AlgorithmError):
    """An input file that cannot be read, is damaged, or holds what the project does not take."""


class SpacingError(InputError):
    """An image whose pixel spacing is unknown or outside the accepted range."""


class BundleError(AlgorithmError):
    """A model bundle that is incomplete, altered, or not understood."""


class ContractError(AlgorithmError):
    """A result or a request that breaks the platform's rules."""

"""What evaluation refuses, in words for the one who handed it in."""


class ItemError(Exception):
    """What is wrong with one item of a file; its reader says where, as an EvaluationError."""


class EvaluationError(Exception):
    """One or more problems, a line each, that end the evaluation before anything is written."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems

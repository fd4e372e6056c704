"""What evaluation refuses, in words for the one who handed it in."""


class EvaluationError(Exception):
    """One or more problems, a line each, that end the evaluation before anything is written."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
